"""Guests that no row speaks for: listed for the administrator, adopted or removed on request."""

import re
from collections.abc import Iterator, Sequence
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from paas.domain.errors import Conflict, NotFound, PaasError
from paas.domain.permissions import Permission
from paas.domain.specs import Actor, GuestSpec
from paas.domain.states import AppState, GuestState, GuestType
from paas.domain.views import AppView, StrayView
from paas.engine import reconciler
from paas.engine.endpoints import vouch, within
from paas.engine.plans import steps_total
from paas.engine.platform import Platform
from paas.services.allowed import needs
from paas.services.deployments import hostname
from paas.services.drift import PATIENCE
from paas.store import apps, audit, guests
from paas.store.base import utcnow
from paas.store.models import App, Guest
from paas.targets.contract import Place, Standing, Target
from paas.tools.git_commands import check_url, is_safe_ref

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")

ADOPTED = (
    "This guest was found with this installation's marker and without a row, and was adopted. "
    "Redeploy brings a release into it; its data stay."
)


@needs(Permission.ADMIN_READ)
def report(platform: Platform, _actor: Actor) -> tuple[StrayView, ...]:
    """What a round would find; nothing is changed."""
    return tuple(
        one
        for target, standing in _standing(platform)
        for one in reconciler.strays(platform, target, standing)
    )


def _standing(platform: Platform) -> Iterator[tuple[Target, Sequence[Standing]]]:
    """Each target with what stands there; whoever asks is not let wait for long."""
    for whole in platform.everywhere():
        target = within(whole, PATIENCE)
        vouch(platform, target)
        yield target, target.standing()


@needs(Permission.ADMIN_WRITE)
def run(platform: Platform, _actor: Actor) -> tuple[StrayView, ...]:
    """The same, and what its row says must be gone is removed now."""
    found: list[StrayView] = []
    for target, standing in _standing(platform):
        found += reconciler.strays(platform, target, standing)
        whole = platform.target(target.name, target.endpoint)
        reconciler.remove_leftovers(platform, whole, standing)
    return tuple(found)


@needs(Permission.ADMIN_WRITE)
def adopt(platform: Platform, actor: Actor, vmid: int, endpoint: str = "") -> AppView:
    """Make rows for a guest of ours that has none; raises ``NotFound`` and ``Conflict``."""
    target, one = _unknown(platform, vmid, endpoint)
    about = _checked_about(platform, one)
    uuid, name, framework = str(uuid4()), about["name"], about["framework"]
    with platform.store.write() as session:
        _make_room(session, actor, one, name)
        app_id = apps.add(
            session,
            {
                "uuid": uuid,
                "tenant_id": actor.tenant_id,
                "name": name,
                "slug": name.lower(),
                "hostname": one.name or hostname(name, uuid),
                "guest_type": GuestType.VM if target.endswith("_vm") else GuestType.LXC,
                "framework": framework,
                "repository": about["repository"],
                "branch": about.get("branch") or None,
                "cores": one.resources.cores,
                "memory": one.resources.memory,
                "disk": one.resources.disk,
                "port": int(about["port"]),
                "health_path": None,
                "start_command": None,
                "environment": platform.store.vault.seal_map({}),
                "state": AppState.PENDING,
                "created_at": utcnow(),
            },
        )
        app = session.get_one(App, app_id)
        place = Place(one.endpoint, one.node, one.address, one.frozen)
        guest = guests.reserve(session, app, target, place, vmid)
        guest.uuid = one.marker.partition("/")[2]
        guest.state = GuestState.PRESENT
        guest.preflight_at = utcnow()
        app.error_message = ADOPTED
        apps.set_state(session, app, AppState.FAILED)
        audit.record(session, actor, "guest.adopt", "app", uuid, vmid=vmid, name=name)
        session.flush()
        return apps.views(session, [app], steps_total)[0]


def _checked_about(platform: Platform, one: Standing) -> dict[str, str]:
    """What the description says of the app; anybody with rights in Proxmox may have edited it."""
    about = {"name": one.name, "framework": "", "repository": "", "branch": "", **one.about}
    known = platform.catalogue.get(about["framework"])
    about.setdefault("port", str(known.port) if known else "")
    port = about["port"]
    is_usable = (
        known is not None
        and NAME.fullmatch(about["name"])
        and port.isascii()
        and port.isdigit()
        and 1 <= int(port) <= 65535
        and (not about["branch"] or is_safe_ref(about["branch"]))
    )
    try:
        check_url(about["repository"], platform.settings.git_hosts)
    except PaasError:
        is_usable = False
    if is_usable:
        return about
    raise Conflict(
        f"The description of guest {one.vmid} does not say which app it is (name, framework, "
        "repository), so it cannot be adopted. Remove it, or write the lines again"
    )


def _make_room(session: Session, actor: Actor, one: Standing, name: str) -> None:
    """See that name, number and address are free; a row that is gone gives its number up."""
    if apps.holder_of(session, actor.tenant_id, name.lower()) is not None:
        raise Conflict(f"The name {name!r} is taken by another deployment. Delete that first")
    at_endpoint = select(Guest).where(Guest.endpoint == one.endpoint)
    row = session.scalar(at_endpoint.where(Guest.vmid == one.vmid))
    if row is not None and row.state != GuestState.GONE:
        raise Conflict(f"The number {one.vmid} is another deployment's. Delete that first")
    if row is not None:
        # Numbers of rows are unique; below zero there is no guest.
        row.vmid = -row.id
    holder = at_endpoint.where(Guest.address == one.address, Guest.state != GuestState.GONE)
    if one.address and session.scalar(holder) is not None:
        raise Conflict(f"The address {one.address} is another deployment's. Delete that first")


@needs(Permission.ADMIN_WRITE)
def remove(platform: Platform, actor: Actor, vmid: int, endpoint: str = "") -> StrayView:
    """Remove a guest of ours that has no row, now; raises ``NotFound``."""
    name, one = _unknown(platform, vmid, endpoint)
    target = platform.target(name, one.endpoint)
    target.remove(
        GuestSpec(
            uuid=one.marker.partition("/")[2],
            marker=one.marker,
            target=name,
            endpoint=one.endpoint,
            node=one.node,
            vmid=vmid,
            incarnation=1,
            hostname=one.name,
            address=one.address,
            port=0,
            resources=one.resources,
            guest_type=GuestType.VM if name.endswith("_vm") else GuestType.LXC,
            frozen=one.frozen,
        )
    )
    with platform.store.write() as session:
        audit.record(
            session, actor, "guest.remove", "guest", str(vmid), endpoint=one.endpoint, name=one.name
        )
    return StrayView(
        "unknown", one.endpoint, vmid, one.node, one.name, f"The guest {vmid} is removed.", ""
    )


def _unknown(platform: Platform, vmid: int, endpoint: str) -> tuple[str, Standing]:
    """The one guest with this vmid that carries our marker and has no row, and its target."""
    for target, standing in _standing(platform):
        for one in standing:
            if one.vmid == vmid and endpoint in ("", one.endpoint) and _is_unknown(platform, one):
                return target.name, one
    raise NotFound(
        f"There is no guest {vmid} with this installation's marker that has no row. "
        "`paas reconcile --dry-run` lists those that there are"
    )


def _is_unknown(platform: Platform, one: Standing) -> bool:
    owner, _, uuid = one.marker.partition("/")
    with platform.store.read() as session:
        row = session.scalar(select(Guest.id).where(Guest.uuid == uuid))
    return owner == platform.installation and row is None
