"""Beginning a work on an app, as a use case."""

from paas.domain.errors import Conflict
from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.domain.states import AppState, OperationKind
from paas.domain.views import OperationView
from paas.engine.platform import Platform
from paas.engine.works import add_work, enqueue, refuse_unless_free
from paas.services.allowed import needs
from paas.services.listing import known_form
from paas.store import apps


@needs(Permission.APPS_DEPLOY)
def begin(
    platform: Platform,
    actor: Actor,
    app_id: str,
    kind: OperationKind,
    *,
    ref: str | None = None,
    only: AppState | None = None,
) -> OperationView:
    """Begin a work on an app that exists; raises ``Conflict`` while another is under way."""
    with platform.store.write() as session:
        app = apps.find(session, actor, known_form(app_id), lock=True)
        if only is not None and app.state != only:
            refuse_unless_free(session, app)
            raise Conflict(f"Only a {only} deployment can {kind}; this one is {app.state}")
        begun = add_work(session, actor, app, kind, ref=ref)
    return enqueue(platform, begun)
