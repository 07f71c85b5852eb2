"""Whether a guest is as its row says, and the two answers when it is not."""

from dataclasses import replace

from paas.domain.errors import Conflict
from paas.domain.permissions import Permission
from paas.domain.specs import Actor, GuestSpec
from paas.domain.states import OperationKind
from paas.domain.views import Difference, DriftView, OperationView
from paas.engine.endpoints import vouch, within
from paas.engine.platform import Platform
from paas.services import deployments, listing, works
from paas.services.allowed import needs
from paas.store import apps, guests
from paas.targets.contract import Target

NO_GUEST = "This deployment has no guest"
# Seconds for which somebody who asks is let wait.
PATIENCE = 20.0


@needs(Permission.APPS_READ)
def examine(platform: Platform, actor: Actor, app_id: str) -> DriftView:
    """Ask the target now; raises ``Unreachable`` when it does not answer."""
    with platform.store.read() as session:
        app = apps.find(session, actor, listing.known_form(app_id))
        specs = [
            guests.spec(session, guest, platform.installation)
            for guest in guests.standing(session, app.id)
        ]
    if not specs:
        raise Conflict(NO_GUEST)
    first, found = specs[0], []
    for spec in specs:
        target = within(platform.target(spec.target, spec.endpoint), PATIENCE)
        vouch(platform, target)
        found += _differences(target, spec, spec is not first)
    stands = within(platform.target(first.target, first.endpoint), PATIENCE).node_of(first)
    return DriftView(app.uuid, first.target, first.vmid, stands, tuple(found))


def _differences(target: Target, spec: GuestSpec, is_further: bool) -> list[Difference]:
    """How a guest differs; those of further replicas name their guest."""
    found = target.differences(spec)
    if not is_further:
        return list(found)
    return [replace(one, name=f"{one.name} of guest {spec.vmid}") for one in found]


@needs(Permission.APPS_DEPLOY)
def adopt(platform: Platform, actor: Actor, app_id: str) -> OperationView:
    """Take the guest as it is: the row follows."""
    return _answer(platform, actor, app_id, OperationKind.ADOPT)


@needs(Permission.APPS_DEPLOY)
def repair(platform: Platform, actor: Actor, app_id: str) -> OperationView:
    """Bring the guest back to what its row says."""
    return _answer(platform, actor, app_id, OperationKind.REPAIR)


def _answer(platform: Platform, actor: Actor, app_id: str, kind: OperationKind) -> OperationView:
    if deployments.get(platform, actor, app_id).vmid is None:
        raise Conflict(NO_GUEST)
    return works.begin(platform, actor, app_id, kind)
