"""Apps that are made first and deployed later, under a plan, with replicas: document 000's."""

from typing import Any
from uuid import uuid4

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from paas.domain.errors import Conflict, Invalid, NotFound
from paas.domain.permissions import Permission
from paas.domain.specs import AUTO, Actor, AppChange, AppSpec, Resources
from paas.domain.states import AppState, OperationKind
from paas.domain.views import AppView, OperationView, Page
from paas.engine import suspension, works
from paas.engine.plans import steps_total
from paas.engine.platform import Platform
from paas.engine.works import Begun
from paas.frameworks import buildpacks
from paas.frameworks.catalogue import DEFAULT_RESOURCES
from paas.services import deployments, listing
from paas.services.allowed import needs
from paas.services.listing import known_form
from paas.store import apps, audit, guests, plans
from paas.store.base import utcnow
from paas.store.commerce import Plan
from paas.store.models import App

DEFAULT_PORT = 8000
MISSING = "Application not found"


@needs(Permission.APPS_WRITE)
def create(platform: Platform, actor: Actor, spec: AppSpec) -> AppView:
    """Record an app that nothing is made for yet; raises ``Invalid`` with every broken rule."""
    works.expect_tenant(actor)
    errors = buildpacks.refusals(platform.catalogue, spec.buildpack)
    uuid, usual = str(uuid4()), platform.live.now().default_plan
    try:
        with platform.store.write() as session:
            if spec.plan is None:
                plan = plans.default(session, usual)
            else:
                plan = _plan(session, spec.plan, errors)
            errors += _slug_refusals(session, actor, spec.slug)
            if errors:
                raise Invalid(errors)
            apps.add(session, _values(platform, actor, spec, plan, uuid))
            audit.record(session, actor, "app.create", "app", uuid, name=spec.name)
    except IntegrityError as error:
        raise Invalid([f"The slug '{spec.slug}' is taken by another application"]) from error
    return get(platform, actor, uuid)


def _plan(session: Session, uuid: str, errors: list[str]) -> Plan | None:
    """The plan to use; None, and a sentence in ``errors``, when it cannot be."""
    try:
        plan = plans.find(session, uuid)
    except NotFound:
        plan = None
    if plan is None or not plan.is_active:
        errors.append("Invalid plan_id. Must be the id of one of the available plans")
        return None
    return plan


def _slug_refusals(session: Session, actor: Actor, slug: str) -> list[str]:
    if apps.holder_of(session, actor.tenant_id, slug) is None:
        return []
    return [f"The slug '{slug}' is taken by another application. Choose another one"]


def _values(
    platform: Platform, actor: Actor, spec: AppSpec, plan: Plan | None, uuid: str
) -> dict[str, Any]:
    size = plans.resources_of(plan) if plan else DEFAULT_RESOURCES
    now = utcnow()
    return {
        "uuid": uuid,
        "tenant_id": actor.tenant_id,
        "name": spec.name,
        "slug": spec.slug,
        "hostname": deployments.hostname(spec.slug, uuid),
        "guest_type": spec.guest_type,
        "framework": spec.framework or AUTO,
        "buildpack": spec.buildpack,
        "repository": spec.repository,
        "branch": spec.branch,
        "plan_id": plan.id if plan else None,
        **_size(size),
        "port": DEFAULT_PORT,
        "environment": platform.store.vault.seal_map(spec.environment),
        "state": AppState.INACTIVE,
        "created_at": now,
        "updated_at": now,
    }


def _size(size: Resources) -> dict[str, Any]:
    return {
        "cores": size.cores,
        "cpu_limit": size.cpu_limit,
        "memory": size.memory,
        "disk": size.disk,
    }


@needs(Permission.APPS_READ)
def get(platform: Platform, actor: Actor, app_id: str) -> AppView:
    """One app that is not deleted; raises ``NotFound``."""
    with platform.store.read() as session:
        return _view(session, find(session, actor, app_id))


def find(session: Session, actor: Actor, app_id: str, *, lock: bool = False) -> App:
    """The actor's app, unless it is deleted; raises ``NotFound``."""
    try:
        app = apps.find(session, actor, known_form(app_id), lock=lock)
    except NotFound:
        raise NotFound(MISSING) from None
    if app.state == AppState.DELETED:
        raise NotFound(MISSING)
    return app


def _view(session: Session, app: App) -> AppView:
    return apps.views(session, [app], steps_total)[0]


@needs(Permission.ADMIN_READ)
def everyone(
    platform: Platform,
    _actor: Actor,
    *,
    limit: int = 1000,
    cursor: str | None = None,
    search: str | None = None,
    state: str | None = None,
) -> Page:
    """A page of the apps of all tenants, each with its tenant's slug."""
    return listing.page_of(platform, None, limit=limit, cursor=cursor, search=search, state=state)


@needs(Permission.APPS_WRITE)
def update(platform: Platform, actor: Actor, app_id: str, change: AppChange) -> AppView:
    """Change what the next deployment uses; another plan's size and price count from then on.

    Raises ``Invalid`` with every broken rule, ``Conflict`` while a work on the app is under way.
    """
    errors = buildpacks.refusals(platform.catalogue, change.buildpack)
    with platform.store.write() as session:
        app = find(session, actor, app_id, lock=True)
        works.refuse_unless_free(session, app)
        plan = _plan(session, change.plan, errors) if change.plan else None
        if plan is not None:
            errors += replica_refusals(plan, app.replicas)
        if errors:
            raise Invalid(errors)
        _apply(app, change, plan)
        changed = sorted(name for name, value in vars(change).items() if value is not None)
        audit.record(session, actor, "app.update", "app", app.uuid, changed=changed)
        view = _view(session, app)
    platform.hub.publish(app.uuid)
    return view


def _apply(app: App, change: AppChange, plan: Plan | None) -> None:
    app.name = change.name or app.name
    app.branch = change.branch or app.branch
    if change.buildpack is not None:
        app.buildpack = change.buildpack
        app.framework = AUTO
    if change.auto_deploy is not None:
        app.auto_deploy = change.auto_deploy
    if plan is not None:
        app.plan_id = plan.id
        for name, value in _size(plans.resources_of(plan)).items():
            setattr(app, name, value)
    app.updated_at = utcnow()


def replica_refusals(plan: Plan | None, replicas: int) -> list[str]:
    """Why a plan does not allow so many replicas; empty when it does."""
    if plan is None or replicas <= plan.max_replicas:
        return []
    return [
        f"Invalid replicas. The plan {plan.name} allows at most {plan.max_replicas}, "
        f"and this would be {replicas}"
    ]


@needs(Permission.APPS_DEPLOY)
def scale(platform: Platform, actor: Actor, app_id: str, replicas: int) -> OperationView | None:
    """Ask for so many replicas; None when nothing has to be made or removed for that.

    Raises ``Invalid`` beyond the plan, ``Conflict`` while the app is busy or stopped.
    """
    with platform.store.write() as session:
        app = find(session, actor, app_id, lock=True)
        plan = session.get(Plan, app.plan_id) if app.plan_id else None
        errors = replica_refusals(plan, replicas)
        if errors:
            raise Invalid(errors)
        begun = _begin_scale(session, actor, app, replicas)
    return works.enqueue(platform, begun) if begun else None


def _begin_scale(session: Session, actor: Actor, app: App, replicas: int) -> Begun | None:
    works.refuse_unless_free(session, app)
    standing = {guest.slot for guest in guests.standing(session, app.id)}
    wanted = set(range(1, replicas + 1))
    if not standing or standing == wanted == set(range(1, app.replicas + 1)):
        app.replicas = replicas
        audit.record(session, actor, "app.scale", "app", app.uuid, replicas=replicas)
        return None
    if app.state != AppState.RUNNING:
        raise Conflict(f"Only a running application can be scaled; this one is {app.state}")
    options = {
        "replicas": replicas,
        "slots": sorted(wanted - standing),
        "leaving": sorted(standing - wanted),
    }
    return works.add_work(session, actor, app, OperationKind.SCALE, options=options)


@needs(Permission.ADMIN_WRITE)
def suspend(platform: Platform, actor: Actor, app_id: str) -> AppView:
    """Take an app of whatever tenant from serving; its data stay. Nothing happens twice.

    A busy app is suspended as soon as it is free, and nothing else begins before that.
    """
    return _decide(platform, actor, app_id, OperationKind.SUSPEND)


@needs(Permission.ADMIN_WRITE)
def resume(platform: Platform, actor: Actor, app_id: str) -> AppView:
    """Let a suspended app be what it was before."""
    return _decide(platform, actor, app_id, OperationKind.RESUME)


def _decide(platform: Platform, actor: Actor, app_id: str, kind: OperationKind) -> AppView:
    with platform.store.write() as session:
        try:
            app = apps.find_any(session, known_form(app_id), lock=True)
        except NotFound:
            raise NotFound(MISSING) from None
        if app.state == AppState.DELETED:
            raise NotFound(MISSING)
        is_suspended = app.state == AppState.SUSPENDED
        if is_suspended is (kind is OperationKind.SUSPEND):
            return _view(session, app)
        begun = suspension.decide(session, actor, app, kind)
        session.flush()
        view = _view(session, app)
    if begun is not None:
        works.enqueue(platform, begun)
    platform.hub.publish(app.uuid)
    return view
