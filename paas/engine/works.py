"""Recording a work on an app; it is enqueued after the commit."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from paas.domain.errors import Conflict, Deleted, Forbidden
from paas.domain.specs import Actor
from paas.domain.states import AppState, OperationKind
from paas.domain.views import OperationView
from paas.engine.platform import Platform
from paas.store import apps, audit, guests, operations
from paas.store.models import App

NO_TENANT = 0
BRINGING_LIVE = (OperationKind.DEPLOY, OperationKind.REDEPLOY, OperationKind.ROLLBACK)

Begun = tuple[int, OperationView]
"""An operation that is recorded, and is enqueued after the commit: its row key and its view."""


def add_work(
    session: Session,
    actor: Actor,
    app: App,
    kind: OperationKind,
    *,
    ref: str | None = None,
    release_id: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> Begun:
    """Record a work on a locked app; raises ``Conflict`` while it is busy, deleted or suspended."""
    refuse_unless_free(session, app)
    if app.to_be_suspended and kind is not OperationKind.SUSPEND:
        raise Conflict("This deployment is being suspended by an administrator")
    if app.state == AppState.SUSPENDED and kind is not OperationKind.RESUME:
        raise Conflict("This deployment is suspended by an administrator; it must be resumed first")
    owner = operations.Owner(app.id, app.uuid, app.tenant_id, app.state)
    brings_live = kind in BRINGING_LIVE
    deployment_id = (
        operations.add_deployment(session, app.id, ref, by=actor.name, release_id=release_id)
        if brings_live
        else None
    )
    given = {"slots": _slots(session, app, brings_live=brings_live), **(options or {})}
    begun = operations.add(session, owner, kind, deployment_id, given)
    if brings_live and app.state in (AppState.FAILED, AppState.INACTIVE):
        apps.set_state(session, app, AppState.PENDING)
    audit_of(session, actor, app, f"app.{kind}")
    return begun


def audit_of(session: Session, actor: Actor, app: App, action: str, **details: object) -> None:
    """Note what was done to an app where its own tenant finds it, whoever did it."""
    audit.record(
        session,
        actor,
        action,
        "app",
        app.uuid,
        in_tenant=app.tenant_id,
        name=app.name,
        **details,
    )


def expect_tenant(actor: Actor) -> None:
    """Raise ``Forbidden`` for who is in no tenant, since nothing can be theirs."""
    if actor.tenant_id == NO_TENANT:
        raise Forbidden("You belong to no team now. Choose one, or let an owner invite you")


def refuse_unless_free(session: Session, app: App) -> None:
    """Raise ``Conflict`` when the app is deleted, or another work on it is under way."""
    if app.state == AppState.DELETED:
        raise Deleted("This deployment is deleted")
    busy = operations.active_of(session, app.id)
    if busy is not None:
        raise Conflict(f"This deployment is busy ({busy.kind}). Try again when it has ended")


def _slots(session: Session, app: App, *, brings_live: bool) -> list[int]:
    """A release goes to every replica that is wanted; everything else to those that stand."""
    if brings_live:
        return list(range(1, app.replicas + 1))
    return [guest.slot for guest in guests.standing(session, app.id)] or [1]


def enqueue(platform: Platform, begun: Begun) -> OperationView:
    """Wake a worker for an operation that is committed, and who watches its app."""
    key, view = begun
    platform.queue.enqueue(key, view.id, 1)
    platform.hub.publish(view.app_id)
    return view
