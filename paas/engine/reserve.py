"""A place for a guest: its row commits before anything is made."""

from dataclasses import replace

from paas.domain.specs import GuestSpec
from paas.domain.states import GuestState
from paas.engine import placing
from paas.engine.attempt import Attempt, Record
from paas.engine.endpoints import vouch
from paas.store import guests
from paas.store.models import Guest
from paas.targets.contract import Presence


def reserve(attempt: Attempt) -> Record:
    """Take the app's standing guest, or reserve a new one.

    A guest that stands gets the size that the app has now; its disk never shrinks.
    """
    with attempt.platform.store.read() as session:
        guest = attempt.guest_row(session)
        asked = guests.asked(attempt.app(session))
        spec = guests.spec(session, guest, attempt.platform.installation) if guest else None
    if guest is None or spec is None:
        return {"guest": new_guest(attempt).id, "incarnation": None}
    given = attempt.target(spec).sizes(spec, asked)
    size = replace(given, disk=max(given.disk, guest.disk))
    if size != spec.resources:
        with attempt.write() as session:
            guests.resize(session, guest.id, size)
    stood = guest.state == GuestState.PRESENT
    return {"guest": guest.id, "incarnation": guest.incarnation if stood else None}


def new_guest(attempt: Attempt) -> Guest:
    """Reserve a number, a node, an address in one transaction, and make them the app's.

    What there is to choose from is looked at before: no transaction waits for the network.
    """
    with attempt.platform.store.read() as session:
        guest_type = attempt.app(session).guest_type
    looks = placing.look(attempt.platform, guest_type)
    with attempt.write() as session:
        app = attempt.app(session)
        chosen = placing.choose(session, looks, app, attempt.slot)
        guest = guests.reserve(
            session, app, chosen.target.name, chosen.place, chosen.vmid, attempt.slot
        )
    attempt.say(f"reserved guest {guest.vmid} on {guest.node}, {_address(guest)}")
    return guest


def _address(guest: Guest) -> str:
    return f"at {guest.address}:{guest.port}" if guest.address else "at an address by DHCP"


def give_back(attempt: Attempt, _record: Record) -> None:
    """Free the replica's place, when nothing was made there."""
    with attempt.platform.store.read() as session:
        row = attempt.guest_row(session)
        if row is None or row.state != GuestState.RESERVED:
            return
        spec = guests.spec(session, row, attempt.platform.installation)
    if is_absent(attempt, spec):
        with attempt.write() as session:
            guests.mark_gone(session, row.id)


def is_absent(attempt: Attempt, spec: GuestSpec) -> bool:
    """Whether nothing of ours is at the guest's place; another's there does not count."""
    target = attempt.target(spec)
    vouch(attempt.platform, target)
    return target.observe(spec) is not Presence.OURS
