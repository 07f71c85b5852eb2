"""An app's environment: values go in and never come out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy.orm import Session

from paas.domain.errors import Conflict, Invalid, NotFound
from paas.domain.permissions import Permission
from paas.domain.specs import AUTO, Actor
from paas.domain.states import OperationKind
from paas.domain.views import VariableView
from paas.engine.platform import Platform
from paas.services.allowed import needs
from paas.services.apps import find
from paas.store import audit, operations
from paas.store.base import utcnow
from paas.store.models import App

MOST = 500


@needs(Permission.APPS_READ)
def variables(platform: Platform, actor: Actor, app_id: str) -> tuple[VariableView, ...]:
    """The app's variables by name, without their values."""
    with platform.store.read() as session:
        app = find(session, actor, app_id)
        keys = sorted(platform.store.vault.open_map(app.environment))
        return tuple(_view(platform, app, key) for key in keys)


def _view(platform: Platform, app: App, key: str) -> VariableView:
    facts = app.variables.get(key, {})
    since = facts.get("created_at")
    return VariableView(
        id=str(uuid5(NAMESPACE_URL, f"{app.uuid}/{key}")),
        key=key,
        is_system=_is_system(platform, app, key),
        created_at=datetime.fromisoformat(since) if since else app.created_at,
    )


def _is_system(platform: Platform, app: App, key: str) -> bool:
    """Whether the platform made it: it says so itself, or the framework's secrets do."""
    facts = app.variables.get(key)
    if facts is not None:
        return bool(facts.get("is_system"))
    framework = platform.catalogue.get(app.framework) if app.framework != AUTO else None
    return framework is not None and key in framework.secrets


@needs(Permission.ENV_WRITE)
def set_variables(
    platform: Platform, actor: Actor, app_id: str, values: Mapping[str, str]
) -> tuple[VariableView, ...]:
    """Add or replace these; others stay. They count from the next release on.

    Raises ``Invalid`` for variables that the platform itself made.
    """
    with platform.store.write() as session:
        app = find(session, actor, app_id, lock=True)
        _expect_no_rollback(session, app)
        owned = sorted(key for key in values if _is_system(platform, app, key))
        held = platform.store.vault.open_map(app.environment)
        errors = [f"{key} is made by the platform and cannot be set" for key in owned]
        if len(held | dict(values)) > MOST:
            errors.append(f"An application has at most {MOST} variables")
        if errors:
            raise Invalid(errors)
        _keep(platform, app, held | dict(values))
        _note(app, {key: _new_facts() for key in values if key not in held})
        _record(session, actor, app, "env.set", sorted(values))
        keys = sorted(held | dict(values))
        return tuple(_view(platform, app, key) for key in keys)


def _expect_no_rollback(session: Session, app: App) -> None:
    """A rollback brings earlier variables back at its end, and would undo what is set now."""
    active = operations.active_of(session, app.id)
    if active is not None and active.kind == OperationKind.ROLLBACK:
        raise Conflict("A rollback is under way. Set variables when it has ended")


def _new_facts() -> dict[str, Any]:
    return {"is_system": False, "created_at": utcnow().replace(microsecond=0).isoformat()}


@needs(Permission.ENV_WRITE)
def delete_variable(platform: Platform, actor: Actor, app_id: str, key: str) -> None:
    """Remove one from the next release on; ``NotFound`` when there is none of that name."""
    with platform.store.write() as session:
        app = find(session, actor, app_id, lock=True)
        _expect_no_rollback(session, app)
        held = platform.store.vault.open_map(app.environment)
        if key not in held:
            raise NotFound("Environment variable not found")
        if _is_system(platform, app, key):
            raise Invalid([f"{key} is made by the platform and cannot be removed"])
        del held[key]
        _keep(platform, app, held)
        app.variables = {name: facts for name, facts in app.variables.items() if name != key}
        _record(session, actor, app, "env.delete", [key])


def _keep(platform: Platform, app: App, values: Mapping[str, str]) -> None:
    app.environment = platform.store.vault.seal_map(values)
    app.updated_at = utcnow()


def _note(app: App, facts: Mapping[str, Any]) -> None:
    app.variables = {**app.variables, **facts}


def _record(session: Session, actor: Actor, app: App, action: str, keys: list[str]) -> None:
    """Names alone: a value in the audit log would be a leak."""
    audit.record(session, actor, action, "app", app.uuid, keys=keys)
