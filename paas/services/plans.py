"""Plans: what users may choose, and what administrators make of it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from paas.domain.commerce import PlanRemoval, PlanSpec, PlanView
from paas.domain.errors import Invalid
from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services.allowed import needs
from paas.services.plan_rules import broken
from paas.store import audit, plans
from paas.store.base import utcnow
from paas.store.commerce import Plan

FIELDS = tuple(PlanSpec.__dataclass_fields__)


@needs(Permission.PLANS_READ)
def active(platform: Platform, _actor: Actor) -> tuple[PlanView, ...]:
    """The plans that an app may be given, the cheapest first."""
    with platform.store.read() as session:
        return tuple(view(plan) for plan in plans.listed(session, active_only=True))


@needs(Permission.ADMIN_READ)
def everything(platform: Platform, _actor: Actor) -> tuple[PlanView, ...]:
    """All plans, inactive ones too, the cheapest first."""
    with platform.store.read() as session:
        return tuple(view(plan) for plan in plans.listed(session, active_only=False))


@needs(Permission.ADMIN_WRITE)
def create(platform: Platform, actor: Actor, spec: PlanSpec) -> PlanView:
    """Offer a plan; raises ``Invalid`` with every broken rule."""
    given = {name: getattr(spec, name) for name in FIELDS}
    try:
        with platform.store.write() as session:
            _check(session, given, None)
            plan = Plan(**given)
            session.add(plan)
            session.flush()
            audit.record(session, actor, "plan.create", "plan", plan.uuid, slug=plan.slug)
            return view(plan)
    except IntegrityError as error:
        raise _taken(spec.slug) from error


@needs(Permission.ADMIN_WRITE)
def update(platform: Platform, actor: Actor, plan_id: str, changes: Mapping[str, Any]) -> PlanView:
    """Change the named fields of a plan (those of ``PlanSpec``); raises ``Invalid``.

    Apps keep the size and the price that they run with until they are deployed, scaled or
    started again.
    """
    try:
        with platform.store.write() as session:
            plan = plans.find(session, plan_id, lock=True)
            given = {name: changes.get(name, getattr(plan, name)) for name in FIELDS}
            _check(session, given, plan)
            for name, value in given.items():
                setattr(plan, name, value)
            plan.updated_at = utcnow()
            session.flush()
            audit.record(session, actor, "plan.update", "plan", plan.uuid, changed=sorted(changes))
            return view(plan)
    except IntegrityError as error:
        raise _taken(str(changes.get("slug"))) from error


@needs(Permission.ADMIN_WRITE)
def delete(platform: Platform, actor: Actor, plan_id: str) -> PlanRemoval:
    """Remove a plan; one that apps have, or had, becomes inactive, since their history names it."""
    try:
        with platform.store.write() as session:
            return _delete(session, actor, plan_id)
    except IntegrityError:
        # On PostgreSQL an app may have taken the plan since the look; now it is seen.
        with platform.store.write() as session:
            return _delete(session, actor, plan_id)


def _delete(session: Session, actor: Actor, plan_id: str) -> PlanRemoval:
    plan = plans.find(session, plan_id, lock=True)
    is_gone = not plans.is_used(session, plan)
    plan.is_active = False
    plan.updated_at = utcnow()
    removal = PlanRemoval(view(plan), is_gone)
    if is_gone:
        session.delete(plan)
    session.flush()
    audit.record(session, actor, "plan.delete", "plan", plan.uuid, slug=plan.slug, removed=is_gone)
    return removal


def _check(session: Session, given: Mapping[str, Any], plan: Plan | None) -> None:
    errors = broken(given)
    holder = plans.by_slug(session, given["slug"]) if not errors else None
    if holder is not None and holder is not plan:
        raise _taken(given["slug"])
    if errors:
        raise Invalid(errors)


def _taken(slug: str) -> Invalid:
    return Invalid([f"The slug '{slug}' is taken by another plan. Choose another one"])


def view(plan: Plan) -> PlanView:
    """A plan as services hand it out."""
    return PlanView(
        id=plan.uuid,
        created_at=plan.created_at,
        updated_at=plan.updated_at,
        **{name: getattr(plan, name) for name in FIELDS},
    )
