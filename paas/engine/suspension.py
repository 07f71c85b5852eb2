"""Keeping apps from serving: at once, or as soon as what is under way has ended."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from paas.domain.specs import Actor
from paas.domain.states import AppState, OperationKind
from paas.engine.platform import Platform
from paas.engine.works import Begun, add_work, audit_of, enqueue, refuse_unless_free
from paas.store import apps, operations
from paas.store.models import App

# States in which nothing of the app is to be stopped or started.
AT_REST = (AppState.INACTIVE, AppState.STOPPED, AppState.FAILED)


def decide(session: Session, actor: Actor, app: App, kind: OperationKind) -> Begun | None:
    """Suspend or resume a locked app; None when no operation is needed, or not yet.

    An app that serves, or did, is stopped or started by an operation; others just change.
    """
    suspends = kind is OperationKind.SUSPEND
    if suspends and operations.active_of(session, app.id) is not None:
        app.to_be_suspended = True
        audit_of(session, actor, app, "app.suspend", waits=True)
        return None
    refuse_unless_free(session, app)
    app.to_be_suspended = False
    served = app.state if suspends else app.resumes_to
    if served not in AT_REST:
        return add_work(session, actor, app, kind)
    apps.set_state(session, app, AppState.SUSPENDED if suspends else AppState(served))
    app.resumes_to = served if suspends else None
    audit_of(session, actor, app, f"app.{kind}")
    return None


def begin_waiting(platform: Platform) -> None:
    """Suspend what was busy when it was asked for and is free now."""
    with platform.store.read() as session:
        keys = session.scalars(
            select(App.id).where(App.to_be_suspended, App.state != AppState.DELETED)
        ).all()
    for key in keys:
        with platform.store.write() as session:
            app = session.get_one(App, key, with_for_update=True)
            is_busy = operations.active_of(session, key) is not None
            if is_busy or not app.to_be_suspended or app.state == AppState.DELETED:
                continue
            actor = Actor(app.tenant_id, name="administrator")
            begun = decide(session, actor, app, OperationKind.SUSPEND)
        if begun is not None:
            enqueue(platform, begun)
