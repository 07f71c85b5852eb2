"""Rows against guests, each minute: what is lost, what is left over, what nobody speaks for.

Only a guest whose row says that it must be gone is removed by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from paas.domain.errors import PaasError
from paas.domain.specs import GuestSpec
from paas.domain.states import AppState, GuestState
from paas.domain.views import StrayView
from paas.engine.endpoints import vouch
from paas.engine.platform import Platform
from paas.store import apps, guests, operations
from paas.store.models import App, Guest
from paas.targets.contract import Presence, Standing, Target

log = structlog.get_logger(__name__)

SETTLED = (AppState.RUNNING, AppState.STOPPED)
LOST = (
    "The app's guest is gone, and nobody asked the platform to remove it. "
    "Redeploy makes a new guest; data that only the old one held is lost."
)


@dataclass(frozen=True)
class Row:
    """A guest that may exist, with its app."""

    spec: GuestSpec
    guest_id: int
    app_id: int
    is_settled: bool
    is_suspended: bool = False


def reconcile(platform: Platform) -> None:
    """One round over every target; what cannot be reached is left for the next."""
    for target in platform.everywhere():
        try:
            vouch(platform, target)
            standing = target.standing()
            _look_after_all(platform, target, _rows(platform, target), standing)
            for stray in strays(platform, target, standing):
                _alert(stray)
            remove_leftovers(platform, target, standing)
        except PaasError as error:
            log.warning("a target cannot be reconciled", target=target.name, error=error.message)


def _alert(stray: StrayView) -> None:
    if stray.kind in ("unknown", "leftover"):
        log.error(stray.says, vmid=stray.vmid, node=stray.node, mend=stray.mend)


def _rows(platform: Platform, target: Target) -> list[Row]:
    with platform.store.read() as session:
        found = session.execute(
            select(Guest, App)
            .join(App, App.id == Guest.app_id)
            .where(Guest.target == target.name, Guest.endpoint == target.endpoint)
            .where(Guest.state != GuestState.GONE)
        ).all()
        return [
            Row(
                guests.spec(session, guest, platform.installation),
                guest.id,
                app.id,
                app.state in SETTLED and guest.state == GuestState.PRESENT,
                app.state == AppState.SUSPENDED and guest.state == GuestState.PRESENT,
            )
            for guest, app in found
        ]


def _look_after_all(
    platform: Platform, target: Target, rows: list[Row], standing: Sequence[Standing]
) -> None:
    seen = {(one.marker, one.vmid): one for one in standing}
    away = {one.vmid for one in standing if not one.is_readable}
    for row in rows:
        if row.is_suspended and row.spec.vmid not in away and not is_busy(platform, row.app_id):
            _keep_suspended(target, row)
        if not row.is_settled or row.spec.vmid in away or is_busy(platform, row.app_id):
            continue
        found = seen.get((row.spec.marker, row.spec.vmid))
        if found is None:
            _look_after(platform, target, row)
        elif found.node and found.node != row.spec.node:
            _follow(platform, row, found.node)


def _keep_suspended(target: Target, row: Row) -> None:
    """A suspended app does not come back with its node: whatever started it, it is stopped."""
    try:
        differences = {one.name: one.found for one in target.differences(row.spec)}
        if differences.get("power") == "running":
            target.stop(row.spec)
            log.warning("a suspended app ran, and was stopped", guest=row.spec.uuid)
    except PaasError as error:
        log.warning("a suspended app cannot be looked at", guest=row.spec.uuid, error=error.message)


def _look_after(platform: Platform, target: Target, row: Row) -> None:
    """Bring a guest back that lost its supervisor; say so when the guest itself is lost."""
    try:
        if target.revive(row.spec):
            log.info("a guest was brought back", guest=row.spec.uuid, address=row.spec.address)
        elif target.observe(row.spec) is not Presence.OURS:
            _report_lost(platform, row)
    except PaasError as error:
        log.warning("a guest cannot be brought back", guest=row.spec.uuid, error=error.message)


def is_busy(platform: Platform, app_id: int) -> bool:
    """Whether an operation works on the app."""
    with platform.store.read() as session:
        return operations.active_of(session, app_id) is not None


def _report_lost(platform: Platform, row: Row) -> None:
    with platform.store.write() as session:
        app = session.get_one(App, row.app_id, with_for_update=True)
        is_idle = operations.active_of(session, row.app_id) is None
        guest = session.get_one(Guest, row.guest_id)
        if not is_idle or app.state not in SETTLED or guest.state != GuestState.PRESENT:
            return
        if app.error_message == LOST:
            return
        app.error_message = LOST
        log.error("a guest is lost", app=app.uuid, vmid=guest.vmid)
        others = [g for g in guests.standing(session, app.id) if g.id != guest.id]
        if not any(g.state == GuestState.PRESENT and g.release_id for g in others):
            apps.set_state(session, app, AppState.FAILED)
    platform.hub.publish(app.uuid)


def _follow(platform: Platform, row: Row, node: str) -> None:
    """The row follows at once; Terraform's state follows at the next operation."""
    with platform.store.write() as session:
        session.get_one(Guest, row.guest_id).node = node
    log.info("a guest was moved and is followed", guest=row.spec.uuid, node=node)


def strays(platform: Platform, target: Target, standing: Sequence[Standing]) -> Iterator[StrayView]:
    """What stands there and should not, or has no row, and rows that have nothing there."""
    with platform.store.read() as session:
        for one in standing:
            stray = _judge(session, platform.installation, one)
            if stray is not None:
                yield stray
    seen = {(one.marker, one.vmid) for one in standing}
    away = {one.vmid for one in standing if not one.is_readable}
    for row in _rows(platform, target):
        is_seen = (row.spec.marker, row.spec.vmid) in seen or row.spec.vmid in away
        is_there = is_seen or not row.is_settled
        if not is_there and target.observe(row.spec) is Presence.ABSENT:
            yield StrayView(
                "missing",
                row.spec.endpoint,
                row.spec.vmid,
                row.spec.node,
                row.spec.hostname,
                f"The guest {row.spec.vmid} of {row.spec.hostname} is gone.",
                f"paas redeploy {row.spec.about.get('name', '')}",
            )


def _judge(session: Session, installation: str, one: Standing) -> StrayView | None:
    """What a standing guest is to us; None when its row stands too, or its node is away."""
    if not one.is_readable:
        return None
    owner, _, uuid = one.marker.partition("/")
    row = session.scalar(select(Guest).where(Guest.uuid == uuid)) if owner == installation else None
    place = (one.endpoint, one.vmid, one.node, one.name)
    if row is not None and (row.endpoint, row.vmid) != (one.endpoint, one.vmid):
        says = (
            f"The guest {one.vmid} ({one.name}) is a copy of our guest {row.vmid}: it carries the "
            "same marker, and is never touched."
        )
        mend = f"remove the line that begins with 'paas:' from the notes of guest {one.vmid}"
        return StrayView("copy", *place, says, mend)
    if row is not None and row.state != GuestState.GONE:
        return None
    if row is not None:
        says = f"The guest {one.vmid} ({one.name}) stands, and its row says that it is gone."
        return StrayView("leftover", *place, says, "paas reconcile")
    if owner == installation:
        says = (
            f"The guest {one.vmid} ({one.name}) carries this installation's marker, "
            "and the database has no row for it."
        )
        mend = f"paas adopt {one.vmid}, or paas remove {one.vmid}"
        return StrayView("unknown", *place, says, mend)
    says = f"The guest {one.vmid} ({one.name}) lies in our range of vmids and is not ours."
    return StrayView("foreign", *place, says, "nothing: it is never touched")


def remove_leftovers(platform: Platform, target: Target, standing: Sequence[Standing]) -> None:
    """Remove guests whose rows say that they are gone."""
    for one in standing:
        owner, _, uuid = one.marker.partition("/")
        if owner != platform.installation:
            continue
        with platform.store.read() as session:
            row = session.scalar(
                select(Guest).where(
                    Guest.uuid == uuid,
                    Guest.endpoint == one.endpoint,
                    Guest.vmid == one.vmid,
                    Guest.state == GuestState.GONE,
                )
            )
            spec = guests.spec(session, row, platform.installation) if row else None
        if spec is not None:
            _remove(target, spec)


def _remove(target: Target, spec: GuestSpec) -> None:
    """Remove one; what is in the way of it is not in the way of the others."""
    log.warning("a guest that must be gone is removed", vmid=spec.vmid, name=spec.hostname)
    try:
        target.remove(spec)
    except PaasError as error:
        log.warning("it cannot be removed yet", vmid=spec.vmid, error=error.message)
