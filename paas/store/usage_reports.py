"""What was used, in sums: of counted hours, and of the time since then that has no hour yet."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from paas.domain.commerce import HourUsed, Usage
from paas.store import usage
from paas.store.commerce import CountedHour, Run, UsageHour
from paas.store.models import App, Tenant

_SUMS = (
    (func.sum(UsageHour.seconds) / 3600.0).label("hours"),
    func.sum(UsageHour.replicas).label("replicas"),
    func.sum(UsageHour.cpu).label("cpu"),
    func.sum(UsageHour.ram_mb).label("ram_mb"),
    func.sum(UsageHour.cost).label("cost"),
)


@dataclass(frozen=True)
class Span:
    """Counted hours from ``since`` on and before ``until``; None is without an end."""

    since: datetime | None = None
    until: datetime | None = None

    def within(self, hour: ColumnElement[datetime]) -> list[ColumnElement[bool]]:
        """The conditions on an hour's column."""
        edges = []
        if self.since is not None:
            edges.append(hour >= self.since)
        if self.until is not None:
            edges.append(hour < self.until)
        return edges


def per_hour(
    session: Session,
    span: Span,
    limit: int,
    *,
    tenant_id: int | None = None,
    app_id: int | None = None,
) -> list[HourUsed]:
    """The newest counted hours, those with nothing in them too; of all, a tenant or an app."""
    whose = [UsageHour.hour == CountedHour.hour]
    if tenant_id is not None:
        whose.append(UsageHour.tenant_id == tenant_id)
    if app_id is not None:
        whose.append(UsageHour.app_id == app_id)
    # The page is cut before the sums: an hour costs the same however many there were before.
    hours = (
        select(CountedHour.hour)
        .where(*span.within(CountedHour.hour.expression))
        .order_by(CountedHour.hour.desc())
        .limit(limit)
    )
    rows = session.execute(
        select(
            CountedHour.hour,
            func.coalesce(func.sum(UsageHour.cpu), 0.0),
            func.coalesce(func.sum(UsageHour.ram_mb), 0.0),
            func.sum(UsageHour.cost),
        )
        .outerjoin(UsageHour, and_(*whose))
        .where(CountedHour.hour.in_(hours))
        .group_by(CountedHour.hour)
        .order_by(CountedHour.hour.desc())
    ).all()
    return [HourUsed(hour, cpu, ram, cost or Decimal(0)) for hour, cpu, ram, cost in rows]


def by_app(session: Session, span: Span, *, tenant_id: int | None = None) -> list[Usage]:
    """What each app used, the dearest first; of one tenant or of all. Deleted ones count too."""
    query = _summed(UsageHour.app_id, span)
    if tenant_id is not None:
        query = query.where(UsageHour.tenant_id == tenant_id)
    sums = query.subquery()
    named = select(App.uuid, App.name, *_figures(sums)).join(sums, sums.c.owner == App.id)
    return _totals(session.execute(named.order_by(sums.c.cost.desc(), App.id)).all())


def by_tenant(session: Session, span: Span) -> list[Usage]:
    """What each tenant used, the dearest first."""
    sums = _summed(UsageHour.tenant_id, span).subquery()
    named = select(Tenant.uuid, Tenant.name, *_figures(sums)).join(sums, sums.c.owner == Tenant.id)
    return _totals(session.execute(named.order_by(sums.c.cost.desc(), Tenant.id)).all())


def _summed(
    owner: InstrumentedAttribute[int], span: Span
) -> Select[int, float, float, float, float, Decimal]:
    """The sums of each owner, which are cheapest before anything is joined to the hours."""
    within = span.within(UsageHour.hour.expression)
    return select(owner.label("owner"), *_SUMS).where(*within).group_by(owner)


def _figures(sums: Subquery) -> list[ColumnElement[Any]]:
    return [sums.c[one.name] for one in _SUMS]


def _totals(rows: Iterable[Any]) -> list[Usage]:
    return [Usage(*row) for row in rows]


def cost_since(session: Session, since: datetime, tenant_id: int | None = None) -> Decimal:
    """The cost since a full hour up to now: counted hours, and what runs have cost after them."""
    counted = select(func.sum(UsageHour.cost)).where(UsageHour.hour >= since)
    if tenant_id is not None:
        counted = counted.where(UsageHour.tenant_id == tenant_id)
    total = session.scalar(counted) or Decimal(0)
    first = usage.first_uncounted(session)
    if first is None:
        return total
    edge, now = max(since, first), usage.database_time(session)
    if edge >= now:
        return total
    running = usage.used_between(session, edge, now, tenant_id=tenant_id)
    return total + sum((one.cost for one in running.values()), Decimal(0))


def serving(session: Session) -> tuple[float, int]:
    """The cores and the memory (MB) that all replicas have which serve now."""
    cpu, ram = session.execute(
        select(func.sum(Run.cpu * Run.replicas), func.sum(Run.ram_mb * Run.replicas)).where(
            Run.ended_at.is_(None)
        )
    ).one()
    return float(cpu or 0.0), int(ram or 0)
