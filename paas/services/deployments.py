"""What can be asked of apps. Everything long is recorded, committed, then enqueued."""

import hashlib
import json
import time
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import delete as sql_delete
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from paas.domain.errors import Invalid, KeyReused, NotFound
from paas.domain.permissions import Permission
from paas.domain.specs import Actor, DeploySpec
from paas.domain.states import AppState, OperationKind, OperationState
from paas.domain.views import AppView, OperationView, Page
from paas.engine.operation import add_destroy
from paas.engine.plans import steps_total
from paas.engine.platform import Platform
from paas.engine.works import expect_tenant
from paas.services import listing, works
from paas.services.allowed import needs
from paas.store import apps, audit, operations, plans, tenants
from paas.store.base import utcnow
from paas.store.models import App, IdempotencyKey, Operation
from paas.store.operations import close

KEY_HOURS = 24
# Wake-ups may be lost, so a waiting request looks again this often.
LOOK_SECONDS = 2.0
DELETED = "deleted"


@needs(Permission.APPS_WRITE)
def create(
    platform: Platform,
    actor: Actor,
    spec: DeploySpec,
    *,
    idempotency_key: str | None = None,
    tries: int = 3,
) -> OperationView:
    """Accept an app: from the commit on it will be running or say why not.

    Raises ``Invalid`` with every broken rule, ``KeyReused`` for a key with another body.
    """
    expect_tenant(actor)
    body_hash = _body_hash(spec) if idempotency_key is not None else ""
    errors = _refusals(platform, spec)
    try:
        with platform.store.write() as session:
            earlier = _by_key(session, actor, idempotency_key, body_hash)
            if earlier is not None:
                return operations.view(session, earlier, steps_total)
            errors += _name_refusals(session, actor, spec)
            plan_id = None if errors else _plan_for(session, platform, spec, errors)
            if errors:
                raise Invalid(errors)
            values = {**_app_values(platform, actor, spec), "plan_id": plan_id}
            key, view = _add(session, values, spec.ref, actor.name)
            audit.record(session, actor, "app.create", "app", view.app_id, name=spec.name)
            if idempotency_key is not None:
                _keep_key(session, actor, idempotency_key, body_hash, key)
    except IntegrityError:
        # On PostgreSQL two requests for one name may both pass the look; the index decides,
        # and at the next look the loser sees who won.
        if tries == 1:
            raise
        return create(platform, actor, spec, idempotency_key=idempotency_key, tries=tries - 1)
    # Nobody is woken: before this commit nobody knew the app, so nobody waits for it.
    platform.queue.enqueue(key, view.id, 1)
    return view


def _body_hash(spec: DeploySpec) -> str:
    text = json.dumps(asdict(spec), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _refusals(platform: Platform, spec: DeploySpec) -> list[str]:
    if spec.framework not in platform.catalogue:
        known = ", ".join(sorted(platform.catalogue))
        return [f"Invalid framework. Must be one of: {known}"]
    return platform.target_for(spec.guest_type).refusals(spec.framework)


def _name_refusals(session: Session, actor: Actor, spec: DeploySpec) -> list[str]:
    holder = apps.holder_of(session, actor.tenant_id, spec.name.lower())
    if holder is None:
        return []
    uuid, state = holder
    return [
        f"The name '{spec.name}' is taken by deployment {uuid}, which is {state}. "
        "Choose another name or delete that deployment first"
    ]


def _plan_for(
    session: Session, platform: Platform, spec: DeploySpec, errors: list[str]
) -> int | None:
    """Where several tenants share a platform, every app has a plan: the cheapest that allows it."""
    if tenants.count(session) < 2:
        return None
    size = spec.resources or platform.catalogue[spec.framework].resources
    plan = plans.fitting(session, size)
    if plan is None:
        errors.append(
            "No plan allows these resources. Ask for less, or an administrator for a plan"
        )
        return None
    return plan.id


def _by_key(session: Session, actor: Actor, key: str | None, body_hash: str) -> Operation | None:
    if key is None:
        return None
    edge = utcnow() - timedelta(hours=KEY_HOURS)
    session.execute(sql_delete(IdempotencyKey).where(IdempotencyKey.created_at < edge))
    found = session.get(IdempotencyKey, (actor.tenant_id, key))
    if found is None:
        return None
    if found.body_hash != body_hash:
        raise KeyReused(
            "This Idempotency-Key was sent before with another body. "
            "Use a new key for a new deployment"
        )
    return session.get_one(Operation, found.operation_id)


def _keep_key(session: Session, actor: Actor, key: str, body_hash: str, operation_id: int) -> None:
    session.add(
        IdempotencyKey(
            tenant_id=actor.tenant_id, key=key, body_hash=body_hash, operation_id=operation_id
        )
    )


def _app_values(platform: Platform, actor: Actor, spec: DeploySpec) -> dict[str, Any]:
    framework = platform.catalogue[spec.framework]
    resources = spec.resources or framework.resources
    uuid = str(uuid4())
    environment = {**framework.new_secrets(), **spec.environment}
    return {
        "uuid": uuid,
        "tenant_id": actor.tenant_id,
        "name": spec.name,
        "slug": spec.name.lower(),
        "hostname": hostname(spec.name, uuid),
        "guest_type": spec.guest_type,
        "framework": spec.framework,
        "repository": spec.repository,
        "branch": spec.branch,
        "cores": resources.cores,
        "memory": resources.memory,
        "disk": resources.disk,
        "port": spec.port or framework.port,
        "health_path": spec.health_path,
        "start_command": spec.start_command,
        "environment": platform.store.vault.seal_map(environment),
        "state": AppState.PENDING,
        "created_at": utcnow(),
    }


def _add(
    session: Session, values: dict[str, Any], ref: str | None, by: str
) -> tuple[int, OperationView]:
    app_id = apps.add(session, values)
    owner = operations.Owner(app_id, values["uuid"], values["tenant_id"], values["state"])
    deployment_id = operations.add_deployment(session, app_id, ref, by=by)
    key, view = operations.add(session, owner, OperationKind.DEPLOY, deployment_id)
    return key, replace(view, app=apps.added_view(values, view.kind))


def hostname(name: str, uuid: str) -> str:
    """A DNS label: the name with dashes for underscores, and a short id that tells twins apart."""
    return f"{name.lower().replace('_', '-')[:50].strip('-')}-{uuid[:8]}"


@needs(Permission.APPS_READ)
def get(platform: Platform, actor: Actor, app_id: str) -> AppView:
    """One app, a deleted one included; raises ``NotFound``."""
    with platform.store.read() as session:
        return apps.views(
            session, [apps.find(session, actor, listing.known_form(app_id))], steps_total
        )[0]


@needs(Permission.APPS_READ)
def page(
    platform: Platform,
    actor: Actor,
    *,
    limit: int = 1000,
    cursor: str | None = None,
    search: str | None = None,
    state: str | None = None,
) -> Page:
    """A page of the apps that are not deleted, newest first; ``cursor`` is an earlier page's."""
    return listing.page_of(
        platform, actor.tenant_id, limit=limit, cursor=cursor, search=search, state=state
    )


@needs(Permission.APPS_WRITE)
def delete(platform: Platform, actor: Actor, app_id: str) -> OperationView | None:
    """Begin to remove an app in whatever state it is; None when it is deleted already.

    The view is of the operation that will be followed by the destroy, or the destroy itself;
    ``wait_deleted`` waits for the end of both.
    """
    with platform.store.write() as session:
        app = apps.find(session, actor, listing.known_form(app_id))
        operations.active_of(session, app.id, lock=True)
        app = apps.find(session, actor, app.uuid, lock=True)
        if app.state == AppState.DELETED:
            return None
        app.wanted = DELETED
        audit.record(session, actor, "app.delete", "app", app.uuid, name=app.name)
        operation = operations.active_of(session, app.id)
        if operation is None:
            operation = add_destroy(session, app)
        elif operation.kind != OperationKind.DESTROY:
            operation = _cut_short(session, app, operation)
        view = operations.view(session, operation, steps_total)
        key, epoch, free = operation.id, operation.epoch, operation.lease_until is None
    if free:
        platform.queue.enqueue(key, view.id, epoch + 1)
    platform.hub.publish(view.app_id)
    return view


def _cut_short(session: Session, app: App, operation: Operation) -> Operation:
    """Ask a running operation to end; one that nobody has begun is closed at once."""
    if operation.lease_until is not None or operation.epoch > 0:
        operation.cancel = DELETED
        operation.not_before = None
        return operation
    close(operation, OperationState.CANCELLED, f"cancelled: {DELETED}")
    session.flush()
    return add_destroy(session, app)


@needs(Permission.APPS_DEPLOY)
def redeploy(
    platform: Platform, actor: Actor, app_id: str, ref: str | None = None
) -> OperationView:
    """Bring the newest commit, or ``ref``, live; raises ``Conflict`` while the app is busy."""
    return works.begin(platform, actor, app_id, OperationKind.REDEPLOY, ref=ref)


@needs(Permission.APPS_DEPLOY)
def stop(platform: Platform, actor: Actor, app_id: str) -> OperationView:
    """End the app, keep its guest and data; raises ``Conflict`` unless it is running."""
    return works.begin(platform, actor, app_id, OperationKind.STOP, only=AppState.RUNNING)


@needs(Permission.APPS_DEPLOY)
def shutdown(platform: Platform, actor: Actor, app_id: str) -> OperationView:
    """The same, but never by force: it fails when the app does not end in time."""
    return works.begin(platform, actor, app_id, OperationKind.SHUTDOWN, only=AppState.RUNNING)


@needs(Permission.APPS_DEPLOY)
def restart(platform: Platform, actor: Actor, app_id: str) -> OperationView:
    """End the app and its guest and start both; raises ``Conflict`` unless it is running."""
    return works.begin(platform, actor, app_id, OperationKind.RESTART, only=AppState.RUNNING)


@needs(Permission.APPS_DEPLOY)
def start(platform: Platform, actor: Actor, app_id: str) -> OperationView:
    """Start a stopped app; raises ``Conflict`` unless it is stopped."""
    return works.begin(platform, actor, app_id, OperationKind.START, only=AppState.STOPPED)


@needs(Permission.APPS_READ)
def operation(platform: Platform, actor: Actor, operation_id: str) -> OperationView:
    """One operation of the actor's; raises ``NotFound``."""
    with platform.store.read() as session:
        row = session.scalar(
            select(Operation).where(
                Operation.uuid == operation_id, Operation.tenant_id == actor.tenant_id
            )
        )
        if row is None:
            raise NotFound("Operation not found")
        return operations.view(session, row, steps_total)


@needs(Permission.APPS_READ)
def wait(platform: Platform, actor: Actor, operation_id: str, seconds: float) -> OperationView:
    """The operation when it has ended, or as it is after ``seconds``."""
    end = time.monotonic() + seconds
    view = operation(platform, actor, operation_id)
    with platform.hub.listen(view.app_id) as listener:
        while True:
            view = operation(platform, actor, operation_id)
            left = end - time.monotonic()
            if view.finished_at is not None or left <= 0:
                return view
            listener.wait(min(left, LOOK_SECONDS))


@needs(Permission.APPS_READ)
def wait_deleted(platform: Platform, actor: Actor, app_id: str, seconds: float) -> AppView:
    """The app when it is deleted, or as it is after ``seconds``."""
    end = time.monotonic() + seconds
    with platform.hub.listen(listing.known_form(app_id)) as listener:
        while True:
            view = get(platform, actor, app_id)
            left = end - time.monotonic()
            if view.state is AppState.DELETED or left <= 0:
                return view
            listener.wait(min(left, LOOK_SECONDS))
