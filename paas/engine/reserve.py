"""A place for a guest: its row commits before anything is made."""

from sqlalchemy.orm import Session

from paas.domain.specs import GuestSpec, Resources
from paas.domain.states import GuestState
from paas.engine.attempt import Attempt, Record
from paas.engine.endpoints import vouch
from paas.store import guests
from paas.store.models import Guest
from paas.targets.contract import Presence, Reserved, Wanted


def reserve(attempt: Attempt) -> Record:
    """Take the app's standing guest, or reserve a new one."""
    with attempt.platform.store.read() as session:
        guest = attempt.guest_row(session)
    if guest is None:
        return {"guest": new_guest(attempt).id, "incarnation": None}
    stood = guest.state == GuestState.PRESENT
    return {"guest": guest.id, "incarnation": guest.incarnation if stood else None}


def new_guest(attempt: Attempt) -> Guest:
    """Reserve a number, a node, an address in one transaction, and make them the app's.

    What there is to choose from is looked at before: no transaction waits for the network.
    """
    with attempt.platform.store.read() as session:
        guest_type = attempt.app(session).guest_type
    target = attempt.platform.target_for(guest_type)
    vouch(attempt.platform, target)
    survey = target.survey()
    with attempt.write() as session:
        app = attempt.app(session)
        # The sequence's row lock lets one transaction after the other choose.
        index = guests.next_number(session, f"place:{target.endpoint}", 0)
        size = Resources(app.cores, app.memory, app.disk, app.cpu_limit)
        wanted = Wanted(index, app.port, size)
        place = target.place(wanted, all_reserved(session), survey)
        taken = target.taken_vmids(survey)
        vmid = guests.next_vmid(session, place.endpoint, target.vmids)
        while vmid in taken:
            vmid = guests.next_vmid(session, place.endpoint, target.vmids)
        guest = guests.reserve(session, app, target.name, place, vmid, attempt.slot)
    attempt.say(f"reserved guest {guest.vmid} on {guest.node}, {_address(guest)}")
    return guest


def all_reserved(session: Session) -> list[Reserved]:
    """Every guest that may exist, as targets choose places beside them."""
    return [_reserved(row) for row in guests.reserved(session)]


def _reserved(row: Guest) -> Reserved:
    return Reserved(
        endpoint=row.endpoint,
        node=row.node,
        address=row.address or "",
        resources=Resources(row.cores, row.memory, row.disk),
        vmid=row.vmid,
        is_present=row.state == GuestState.PRESENT,
    )


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
