"""Guests that no row speaks for: listed for the administrator, adopted or removed on request."""

from uuid import uuid4

from sqlalchemy import select

from paas.domain.errors import Conflict, NotFound
from paas.domain.specs import Actor, GuestSpec
from paas.domain.states import AppState, GuestState, GuestType
from paas.domain.views import AppView, StrayView
from paas.engine import reconciler
from paas.engine.endpoints import vouch
from paas.engine.plans import STEP_TOTALS
from paas.engine.platform import Platform
from paas.services.deployments import hostname
from paas.store import apps, guests
from paas.store.base import utcnow
from paas.store.models import App, Guest
from paas.targets.contract import Place, Standing

ADOPTED = (
    "This guest was found with this installation's marker and without a row, and was adopted. "
    "Redeploy brings a release into it; its data stay."
)


def report(platform: Platform) -> tuple[StrayView, ...]:
    """What a round would find; nothing is changed."""
    found: list[StrayView] = []
    for name, target in platform.targets.items():
        vouch(platform, target)
        found += reconciler.strays(platform, name, target.standing())
    return tuple(found)


def run(platform: Platform) -> tuple[StrayView, ...]:
    """The same, and what its row says must be gone is removed now."""
    found = report(platform)
    for name, target in platform.targets.items():
        reconciler.remove_leftovers(platform, name, target.standing())
    return found


def adopt(platform: Platform, actor: Actor, vmid: int, endpoint: str = "") -> AppView:
    """Make rows for a guest of ours that has none; raises ``NotFound`` and ``Conflict``."""
    target, one = _unknown(platform, vmid, endpoint)
    about = dict(one.about)
    uuid = str(uuid4())
    name = about.get("name") or one.name
    framework = about.get("framework", "")
    if framework not in platform.catalogue or not about.get("repository"):
        raise Conflict(
            f"The description of guest {vmid} does not say which app it is (name, framework, "
            "repository), so it cannot be adopted. Remove it, or write the lines again"
        )
    with platform.store.write() as session:
        if apps.holder_of(session, actor.tenant_id, name.lower()) is not None:
            raise Conflict(f"The name {name!r} is taken by another deployment. Delete that first")
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
                "port": int(about.get("port") or platform.catalogue[framework].port),
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
        session.flush()
        return apps.views(session, [app], STEP_TOTALS)[0]


def remove(platform: Platform, actor: Actor, vmid: int, endpoint: str = "") -> StrayView:
    """Remove a guest of ours that has no row, now; raises ``NotFound``."""
    del actor
    name, one = _unknown(platform, vmid, endpoint)
    target = platform.target(name)
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
    return StrayView(
        "unknown", one.endpoint, vmid, one.node, one.name, f"The guest {vmid} is removed.", ""
    )


def _unknown(platform: Platform, vmid: int, endpoint: str) -> tuple[str, Standing]:
    """The one guest with this vmid that carries our marker and has no row, and its target."""
    for name, target in platform.targets.items():
        vouch(platform, target)
        for one in target.standing():
            if one.vmid == vmid and endpoint in ("", one.endpoint) and _is_unknown(platform, one):
                return name, one
    raise NotFound(
        f"There is no guest {vmid} with this installation's marker that has no row. "
        "`paas reconcile --dry-run` lists those that there are"
    )


def _is_unknown(platform: Platform, one: Standing) -> bool:
    owner, _, uuid = one.marker.partition("/")
    with platform.store.read() as session:
        row = session.scalar(select(Guest.id).where(Guest.uuid == uuid))
    return owner == platform.installation and row is None
