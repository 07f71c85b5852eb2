"""Plans: what an app may have and what it costs."""

import math
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from paas.domain.errors import NotFound
from paas.domain.specs import Resources
from paas.store.commerce import Plan
from paas.store.models import App, Sequence

MISSING = "Plan not found"
SEEDED = "plans-seeded"
# Hobby and its figures are the documented example.
FIRST: tuple[dict[str, Any], ...] = (
    {
        "name": "Hobby",
        "slug": "hobby",
        "cpu_cores": 0.5,
        "ram_mb": 512,
        "disk_gb": 10,
        "max_replicas": 1,
        "price_per_hour": Decimal("0.0069"),
        "price_per_month": Decimal("5.00"),
        "features": {"custom_domain": False, "auto_scaling": False, "ssl": True},
    },
    {
        "name": "Standard",
        "slug": "standard",
        "cpu_cores": 1.0,
        "ram_mb": 1024,
        "disk_gb": 20,
        "max_replicas": 3,
        "price_per_hour": Decimal("0.0208"),
        "price_per_month": Decimal("15.00"),
        "features": {"custom_domain": True, "auto_scaling": False, "ssl": True},
    },
    {
        "name": "Pro",
        "slug": "pro",
        "cpu_cores": 2.0,
        "ram_mb": 4096,
        "disk_gb": 40,
        "max_replicas": 10,
        "price_per_hour": Decimal("0.0694"),
        "price_per_month": Decimal("50.00"),
        "features": {"custom_domain": True, "auto_scaling": True, "ssl": True},
    },
)


def find(session: Session, uuid: str, *, lock: bool = False) -> Plan:
    """The plan, active or not; raises ``NotFound``, also for text that is no uuid."""
    try:
        known = str(UUID(uuid))
    except ValueError as error:
        raise NotFound(MISSING) from error
    query = select(Plan).where(Plan.uuid == known)
    plan = session.scalar(query.with_for_update() if lock else query)
    if plan is None:
        raise NotFound(MISSING)
    return plan


def by_slug(session: Session, slug: str) -> Plan | None:
    """The plan of this slug, active or not."""
    return session.scalar(select(Plan).where(Plan.slug == slug))


def default(session: Session, slug: str) -> Plan | None:
    """The plan of an app that names none: that of the slug while it is offered, or the cheapest."""
    chosen = by_slug(session, slug) if slug else None
    if chosen is not None and chosen.is_active:
        return chosen
    offered = listed(session, active_only=True)
    return offered[0] if offered else None


def listed(session: Session, *, active_only: bool) -> list[Plan]:
    """The plans, the cheapest first."""
    query = select(Plan).order_by(Plan.price_per_hour, Plan.id)
    return list(session.scalars(query.where(Plan.is_active) if active_only else query))


def fitting(session: Session, size: Resources) -> Plan | None:
    """The cheapest plan on offer that allows so much; None when none does."""
    for plan in listed(session, active_only=True):
        offered = resources_of(plan)
        if (
            size.cores <= offered.cores
            and size.memory <= offered.memory
            and size.disk <= offered.disk
        ):
            return plan
    return None


def resources_of(plan: Plan) -> Resources:
    """What a guest of the plan gets: whole cores, and a limit where the plan has a fraction."""
    cores = math.ceil(plan.cpu_cores)
    limit = plan.cpu_cores if plan.cpu_cores < cores else None
    return Resources(cores, plan.ram_mb, plan.disk_gb, limit)


def is_used(session: Session, plan: Plan) -> bool:
    """Whether any app has the plan, or had it when it was deleted."""
    return bool(session.scalar(select(exists().where(App.plan_id == plan.id))))


def seed(session: Session) -> None:
    """Add the first plans to a platform that never had any; what was removed stays removed."""
    if session.get(Sequence, SEEDED) is not None:
        return
    session.add(Sequence(name=SEEDED, value=1))
    if session.scalar(select(Plan.id).limit(1)) is None:
        session.add_all(Plan(**values) for values in FIRST)
