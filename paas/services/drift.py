"""Whether a guest is as its row says, and the two answers when it is not."""

from paas.domain.errors import Conflict
from paas.domain.specs import Actor
from paas.domain.states import OperationKind
from paas.domain.views import DriftView, OperationView
from paas.engine.endpoints import vouch, within
from paas.engine.platform import Platform
from paas.services import deployments
from paas.store import apps, guests
from paas.store.models import Guest

NO_GUEST = "This deployment has no guest"
# Seconds for which somebody who asks is let wait.
PATIENCE = 20.0


def examine(platform: Platform, actor: Actor, app_id: str) -> DriftView:
    """Ask the target now; raises ``Unreachable`` when it does not answer."""
    with platform.store.read() as session:
        app = apps.find(session, actor, deployments.known_form(app_id))
        guest = session.get(Guest, app.guest_id) if app.guest_id else None
        if guest is None:
            raise Conflict(NO_GUEST)
        spec = guests.spec(session, guest, platform.installation)
    target = within(platform.target(spec.target), PATIENCE)
    vouch(platform, target)
    found = tuple(target.differences(spec))
    return DriftView(app.uuid, spec.target, spec.vmid, target.node_of(spec), found)


def adopt(platform: Platform, actor: Actor, app_id: str) -> OperationView:
    """Take the guest as it is: the row follows."""
    return _answer(platform, actor, app_id, OperationKind.ADOPT)


def repair(platform: Platform, actor: Actor, app_id: str) -> OperationView:
    """Bring the guest back to what its row says."""
    return _answer(platform, actor, app_id, OperationKind.REPAIR)


def _answer(platform: Platform, actor: Actor, app_id: str, kind: OperationKind) -> OperationView:
    if deployments.get(platform, actor, app_id).vmid is None:
        raise Conflict(NO_GUEST)
    return deployments.begin(platform, actor, app_id, kind)
