"""Choosing the endpoint, node, address and number of a new guest, over all endpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from paas.domain.errors import PaasError, Unreachable
from paas.domain.specs import Resources
from paas.domain.states import GuestState
from paas.engine.endpoints import vouch
from paas.engine.platform import Platform
from paas.store import guests, nodes
from paas.store.commerce import Plan
from paas.store.models import App, Guest
from paas.targets.contract import Place, Reserved, Target, Wanted


@dataclass(frozen=True)
class Look:
    """An endpoint, and what room it was seen to have."""

    target: Target
    survey: object


@dataclass(frozen=True)
class Choice:
    """Where a guest will be, and its number there."""

    target: Target
    place: Place
    vmid: int


def look(platform: Platform, guest_type: str) -> list[Look]:
    """Look at every endpoint that may take the guest; no transaction waits for the network.

    Those that cannot be reached now are left out. Raises why, when none can.
    """
    found: list[Look] = []
    errors: list[PaasError] = []
    for target in platform.targets_for(guest_type):
        try:
            vouch(platform, target)
            found.append(Look(target, target.survey()))
        except PaasError as error:
            errors.append(error)
    if not found:
        raise _worth_saying(errors)
    return found


def choose(session: Session, looks: Sequence[Look], app: App, slot: int) -> Choice:
    """The place with the most free memory; a node that has a replica of the app comes last.

    Raises what the targets raise when none of them has room.
    """
    index = guests.next_place(session)
    wanted = Wanted(index, app.port, guests.asked(app), placement=_placement(session, app))
    siblings = [one for one in guests.standing(session, app.id) if one.slot != slot]
    target, survey, place = _best(session, looks, wanted, siblings)
    taken = target.taken_vmids(survey)
    vmid = guests.next_vmid(session, place.endpoint, target.vmids)
    while vmid in taken:
        vmid = guests.next_vmid(session, place.endpoint, target.vmids)
    return Choice(target, place, vmid)


def _best(
    session: Session, looks: Sequence[Look], wanted: Wanted, siblings: Sequence[Guest]
) -> tuple[Target, object, Place]:
    reserved, closed = all_reserved(session), nodes.closed(session)
    found: list[tuple[bool, int, int, Place]] = []
    errors: list[PaasError] = []
    for number, one in enumerate(looks):
        endpoint = one.target.endpoint
        avoid = frozenset(guest.node for guest in siblings if guest.endpoint == endpoint)
        without = closed.get(endpoint, frozenset())
        mine = replace(wanted, without=without, avoid=avoid)
        try:
            place = one.target.place(mine, reserved, one.survey)
        except PaasError as error:
            errors.append(error)
            continue
        found.append((place.node in avoid, -place.free, number, place))
    if not found:
        raise _worth_saying(errors)
    *_, number, place = min(found, key=lambda each: each[:3])
    return looks[number].target, looks[number].survey, place


def _worth_saying(errors: Sequence[PaasError]) -> PaasError:
    """What waiting may mend, if there is such a thing; else what the first endpoint says."""
    return next((one for one in errors if isinstance(one, Unreachable)), errors[0])


def _placement(session: Session, app: App) -> Mapping[str, Any]:
    plan = session.get(Plan, app.plan_id) if app.plan_id else None
    return plan.placement if plan else {}


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
        storage=str(row.frozen.get("storage", "")),
    )
