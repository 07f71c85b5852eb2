"""A place for a guest: its row commits before anything is made."""

from paas.domain.specs import GuestSpec
from paas.domain.states import GuestState
from paas.engine.attempt import Attempt, Record
from paas.store import guests
from paas.store.models import Guest
from paas.targets.contract import Presence


def reserve(attempt: Attempt) -> Record:
    """Take the app's standing guest, or reserve a new one."""
    with attempt.platform.store.read() as session:
        guest_id = attempt.app(session).guest_id
    return {"guest": guest_id or new_guest(attempt).id}


def new_guest(attempt: Attempt) -> Guest:
    """Reserve a number, an address and a name in one transaction, and make them the app's."""
    with attempt.write() as session:
        app = attempt.app(session)
        target = attempt.platform.target_for(app.guest_type)
        index = guests.next_number(session, f"place:{target.name}", 0)
        place = target.place(index, app.port, guests.taken_addresses(session))
        vmid = guests.next_vmid(session, place.endpoint)
        guest = guests.reserve(session, app, target.name, place, vmid)
    attempt.say(f"reserved guest {guest.vmid} at {guest.address}:{guest.port}")
    return guest


def give_back(attempt: Attempt, _record: Record) -> None:
    """Free the places of this app's guests that are proved absent."""
    with attempt.platform.store.read() as session:
        standing = [
            (g.id, guests.spec(g, attempt.platform.installation), g.state)
            for g in guests.standing(session, attempt.held.app_id)
        ]
    for guest_id, spec, state in standing:
        if state == GuestState.RESERVED and is_absent(attempt, spec):
            with attempt.write() as session:
                guests.mark_gone(session, guest_id)
                app = attempt.app(session)
                if app.guest_id == guest_id:
                    app.guest_id = None


def is_absent(attempt: Attempt, spec: GuestSpec) -> bool:
    """Whether nothing of ours is at the guest's place; another's there does not count."""
    return attempt.target(spec).observe(spec) is not Presence.OURS
