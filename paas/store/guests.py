"""Guests: numbers that are never used twice, addresses that are used by one at a time."""

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from paas.domain.errors import StepFailed
from paas.domain.specs import GuestSpec, Resources
from paas.domain.states import AppState, GuestState, GuestType
from paas.store.base import utcnow
from paas.store.models import App, Guest, Installation, Sequence, StateVersion

PLACES = "places"
ALL_VMIDS = range(100_000, 1_000_000_000)


class Placed(Protocol):
    """Where a guest will be, as a target chose it."""

    @property
    def endpoint(self) -> str:
        """The cluster or host."""

    @property
    def node(self) -> str:
        """The machine within it."""

    @property
    def address(self) -> str:
        """Where the guest answers; empty until the network has given it an address."""

    @property
    def frozen(self) -> Mapping[str, Any]:
        """What must stay as it is for as long as the guest lives."""

    @property
    def resources(self) -> Resources | None:
        """What the guest gets, when that is more than its app asked for."""


def installation(session: Session) -> str:
    """The uuid of this installation, the first half of every marker."""
    return session.scalars(select(Installation.uuid)).one()


def next_number(session: Session, name: str, first: int) -> int:
    """The next number of a sequence, never below ``first``; the row's lock makes it one's own."""
    insert = (sqlite if session.get_bind().dialect.name == "sqlite" else postgresql).insert
    session.execute(insert(Sequence).values(name=name, value=first - 1).on_conflict_do_nothing())
    return session.execute(
        update(Sequence)
        .where(Sequence.name == name)
        .values(value=case((Sequence.value < first, first), else_=Sequence.value + 1))
        .returning(Sequence.value)
        .execution_options(synchronize_session=False)
    ).scalar_one()


def next_place(session: Session) -> int:
    """The number of the next place. Its row's lock lets one transaction after the other choose,
    whatever endpoints each of them has seen."""
    return next_number(session, PLACES, 0)


def next_vmid(session: Session, endpoint: str, vmids: range = ALL_VMIDS) -> int:
    """A vmid that this endpoint has never had from us; ``StepFailed`` when all were used."""
    number = next_number(session, f"vmid:{endpoint}", vmids.start)
    if number not in vmids:
        raise StepFailed(
            f"All vmids from {vmids.start} to {vmids.stop - 1} were used once, and none is used "
            "twice. Set PAAS_PROXMOX_VMIDS to a range that goes on further"
        )
    return number


def reserved(session: Session) -> list[Guest]:
    """Every guest that may exist, on whatever endpoint."""
    return list(session.scalars(select(Guest).where(Guest.state != GuestState.GONE)))


def reserve(
    session: Session, app: App, target: str, place: Placed, vmid: int, slot: int = 1
) -> Guest:
    """Write the guest's row, so that whatever is made later is on the books."""
    size = place.resources or asked(app)
    guest = Guest(
        tenant_id=app.tenant_id,
        app_id=app.id,
        slot=slot,
        target=target,
        endpoint=place.endpoint,
        node=place.node,
        address=place.address or None,
        is_fixed=bool(place.address),
        frozen=dict(place.frozen),
        vmid=vmid,
        port=app.port,
        cores=size.cores,
        memory=size.memory,
        disk=size.disk,
        cpu_limit=size.cpu_limit,
        guest_type=app.guest_type,
        hostname=replica_name(app.hostname, slot),
        state=GuestState.RESERVED,
    )
    session.add(guest)
    session.flush()
    return guest


def asked(app: App) -> Resources:
    """What each of the app's guests is to have."""
    return Resources(app.cores, app.memory, app.disk, app.cpu_limit)


def resize(session: Session, guest_id: int, size: Resources) -> None:
    """Write down that a guest has another size from now on."""
    guest = session.get_one(Guest, guest_id)
    guest.cores, guest.memory, guest.disk = size.cores, size.memory, size.disk
    guest.cpu_limit = size.cpu_limit


def replica_name(hostname: str, slot: int) -> str:
    """The name of a replica's guest: a DNS label, told apart from its siblings."""
    return hostname if slot == 1 else f"{hostname[: 62 - len(str(slot))]}-{slot}"


def standing(session: Session, app_id: int) -> list[Guest]:
    """The guests of an app that may exist, in the order of its replicas."""
    query = select(Guest).where(Guest.app_id == app_id, Guest.state != GuestState.GONE)
    return list(session.scalars(query.order_by(Guest.slot)))


def of_slot(session: Session, app_id: int, slot: int) -> Guest | None:
    """The guest of a replica that may exist; there is one at most."""
    return session.scalar(
        select(Guest).where(
            Guest.app_id == app_id, Guest.slot == slot, Guest.state != GuestState.GONE
        )
    )


def forget_release(session: Session, guest: Guest) -> None:
    """Nothing serves at this guest any more; nor does the app when it was the last one."""
    guest.release_id = None
    others = [g for g in standing(session, guest.app_id) if g.id != guest.id]
    if not any(g.release_id for g in others):
        session.get_one(App, guest.app_id).live_release_id = None


def was_begun(guest: Guest) -> bool:
    """Whether anything can have been made: before the preflight is on record, nothing was."""
    return guest.preflight_at is not None or guest.state != GuestState.RESERVED


def spec(session: Session, guest: Guest, installation_uuid: str) -> GuestSpec:
    """The row as a target takes it."""
    app = session.get_one(App, guest.app_id)
    return GuestSpec(
        uuid=guest.uuid,
        marker=f"{installation_uuid}/{guest.uuid}",
        target=guest.target,
        endpoint=guest.endpoint,
        node=guest.node,
        vmid=guest.vmid,
        incarnation=guest.incarnation,
        hostname=guest.hostname,
        address=guest.address or "",
        port=guest.port,
        resources=Resources(guest.cores, guest.memory, guest.disk, guest.cpu_limit),
        guest_type=GuestType(guest.guest_type),
        frozen=guest.frozen,
        host_key=guest.host_key or "",
        preflight=guest.preflight_at.timestamp() if guest.preflight_at else None,
        about={
            "name": app.name,
            "framework": app.framework,
            "repository": app.repository,
            "branch": app.branch or "",
        },
        runs=app.wanted == AppState.RUNNING,
    )


def begin_again(guest: Guest) -> None:
    """A guest that vanished is made anew at its place: another machine, with a key of its own."""
    guest.state = GuestState.RESERVED
    guest.incarnation += 1
    guest.applied_values = None
    guest.host_key = None
    if not guest.is_fixed:
        guest.address = None


def mark_gone(session: Session, guest_id: int) -> None:
    """Say that a guest is proved gone: its address is free and its state is forgotten."""
    guest = session.get_one(Guest, guest_id)
    guest.state = GuestState.GONE
    guest.gone_at = utcnow()
    session.flush()
    forget_states(session, guest_id)


def forget_states(session: Session, guest_id: int) -> None:
    """Remove every version of a guest's state."""
    session.execute(delete(StateVersion).where(StateVersion.guest_id == guest_id))


def latest_state(session: Session, guest_id: int) -> bytes | None:
    """The newest version of a guest's Terraform state, still sealed."""
    return session.scalar(
        select(StateVersion.body)
        .where(StateVersion.guest_id == guest_id)
        .order_by(StateVersion.id.desc())
        .limit(1)
    )


def add_state(session: Session, guest_id: int, epoch: int, sealed: bytes, keep: int = 10) -> None:
    """Add a version and forget those before the newest ``keep``."""
    session.add(StateVersion(guest_id=guest_id, epoch=epoch, body=sealed))
    session.flush()
    old = session.scalars(
        select(StateVersion)
        .where(StateVersion.guest_id == guest_id)
        .order_by(StateVersion.id.desc())
        .offset(keep)
    )
    for version in old:
        session.delete(version)
