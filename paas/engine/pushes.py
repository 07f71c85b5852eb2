"""Deployments that a push asks for: at once, or as soon as the app is free."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from paas.domain.specs import Actor
from paas.domain.states import AppState, OperationKind
from paas.engine.platform import Platform
from paas.engine.works import Begun, add_work, enqueue
from paas.store import operations
from paas.store.models import App

NEVER = (AppState.DELETED, AppState.SUSPENDED)
# A push does not start what somebody stopped; it is deployed when it is started again.
RESTING = (*NEVER, AppState.STOPPED)


def deploy_or_wait(session: Session, app: App, commit: str, by: str) -> Begun | None:
    """Begin a deployment of the commit; None when it is kept until the app is free and started.

    Of several pushes to a busy app the last one is deployed.
    """
    if app.state == AppState.STOPPED or operations.active_of(session, app.id) is not None:
        app.waiting_push = {"commit": commit, "by": by}
        return None
    app.waiting_push = None
    kind = OperationKind.REDEPLOY if app.live_release_id else OperationKind.DEPLOY
    return add_work(session, Actor(app.tenant_id, name=by), app, kind, ref=commit)


def begin_waiting(platform: Platform) -> None:
    """Begin what was pushed while apps were busy, for those that are free now."""
    with platform.store.read() as session:
        keys = session.scalars(
            select(App.id).where(App.waiting_push.is_not(None), App.state.not_in(RESTING))
        ).all()
    for key in keys:
        with platform.store.write() as session:
            app = session.get_one(App, key, with_for_update=True)
            waiting = app.waiting_push
            if waiting is None or app.state in RESTING or app.to_be_suspended:
                continue
            if not app.auto_deploy:
                app.waiting_push = None
                continue
            begun = deploy_or_wait(session, app, waiting["commit"], waiting["by"])
        if begun is not None:
            enqueue(platform, begun)
