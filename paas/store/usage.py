"""What apps used: their runs, and the hours that are counted from these.

Moments are the database's, never those of the machine that writes: several workers with clocks
of their own then agree about what belongs to an hour.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Table, func, insert, or_, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from paas.store.base import clock
from paas.store.commerce import CountedHour, Plan, Run, UsageHour
from paas.store.models import App

HOUR = timedelta(hours=1)
# One number for all processes of a database; PostgreSQL keeps such locks by number.
_COUNTING = 7_018_533
_COUNTED = cast(Table, CountedHour.__table__)
_MARK = {
    "sqlite": sqlite.insert(_COUNTED).on_conflict_do_nothing().returning(_COUNTED.c.hour),
    "postgresql": postgresql.insert(_COUNTED).on_conflict_do_nothing().returning(_COUNTED.c.hour),
}
_USED = insert(cast(Table, UsageHour.__table__))
# As fine as the column keeps it, so that both databases round alike.
_SMALLEST_COST = Decimal("0.00000001")

# Columns and no objects: an hour of a large platform has many runs.
_RUN_COLUMNS = (
    Run.app_id,
    Run.tenant_id,
    Run.plan_id,
    Run.replicas,
    Run.cpu,
    Run.ram_mb,
    Run.disk_gb,
    Run.price_per_hour,
    Run.started_at,
    Run.ended_at,
)


def begin(session: Session, app: App) -> None:
    """Note that the app serves from now on with the size, replicas and price that it has now.

    For every move to ``running``: a run with the same figures goes on, one with others ends where
    the new one begins. The price is the plan's of this moment, 0 without a plan; a later change
    of the plan does not touch the run.
    """
    figures = _figures(session, app)
    found = _open(session, app)
    if found is not None:
        if all(getattr(found, name) == value for name, value in figures.items()):
            return
        now = _end(session, found)
    else:
        now = _now(session)
    session.add(Run(app_id=app.id, tenant_id=app.tenant_id, started_at=now, **figures))
    session.flush()


def resize(session: Session, app: App) -> None:
    """Note a change of size of an app that may serve or not; when it does not, nothing happens."""
    if _open(session, app) is not None:
        begin(session, app)


def end(session: Session, app: App) -> None:
    """Note that the app serves no more; nothing happens when it did not."""
    found = _open(session, app)
    if found is not None:
        _end(session, found)


def _open(session: Session, app: App) -> Run | None:
    return session.scalar(select(Run).where(Run.app_id == app.id, Run.ended_at.is_(None)))


def _end(session: Session, run: Run) -> datetime:
    run.ended_at = max(_now(session), run.started_at)
    # The partial index allows the next run only once this one is over in the database too.
    session.flush()
    return run.ended_at


def _figures(session: Session, app: App) -> dict[str, object]:
    plan = session.get_one(Plan, app.plan_id) if app.plan_id is not None else None
    return {
        "plan_id": app.plan_id,
        "replicas": app.replicas,
        "cpu": app.cpu_limit if app.cpu_limit is not None else float(app.cores),
        "ram_mb": app.memory,
        "disk_gb": app.disk,
        "price_per_hour": plan.price_per_hour if plan else Decimal(0),
    }


def _now(session: Session) -> datetime:
    """The database's time, but never within an hour that is counted already.

    The lock is shared among those who begin and end runs. Whoever counts asks for it alone, so
    no run can still be on its way into an hour that is being counted.
    """
    if session.connection().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock_shared(:n)"), {"n": _COUNTING})
    now = database_time(session)
    last = last_counted(session)
    # A clock that was set back must not put a run where nobody counts any more.
    return max(now, last + HOUR) if last else now


def database_time(session: Session) -> datetime:
    """What the database's clock says."""
    return datetime.fromtimestamp(float(session.execute(select(clock())).scalar_one()), UTC)


def settled_until(session: Session) -> datetime | None:
    """The moment before which no run can begin or end any more; for a writing session.

    None while a transaction that moves a run is under way: ask again a little later. On SQLite
    a writing session is alone anyway.
    """
    if session.connection().dialect.name == "postgresql":
        alone = session.execute(text("SELECT pg_try_advisory_xact_lock(:n)"), {"n": _COUNTING})
        if not alone.scalar_one():
            return None
    return database_time(session)


def last_counted(session: Session) -> datetime | None:
    """The newest hour that is counted."""
    return session.scalar(select(func.max(CountedHour.hour)))


def first_uncounted(session: Session) -> datetime | None:
    """The hour to count next: after the last one, or that of the first run; None without runs."""
    last = last_counted(session)
    if last is not None:
        return last + HOUR
    first = session.scalar(select(func.min(Run.started_at)))
    return hour_of(first) if first else None


def hour_of(moment: datetime) -> datetime:
    """The beginning of the hour that a moment lies in."""
    return moment.replace(minute=0, second=0, microsecond=0)


def count(session: Session, hour: datetime) -> bool:
    """Count a settled hour, unless it is counted already; True when this was the one to do so.

    The mark is written first: its key decides between two processes, and the second one waits
    for the end of the first one's transaction.
    """
    connection = session.connection()
    marked = connection.execute(
        _MARK[connection.dialect.name], {"hour": hour, "counted_at": database_time(session)}
    )
    if marked.first() is None:
        return False
    rows = [
        {"hour": hour, "app_id": app_id, **vars(used), "cost": used.cost.quantize(_SMALLEST_COST)}
        for app_id, used in used_between(session, hour, hour + HOUR).items()
    ]
    if rows:
        connection.execute(_USED, rows)
    return True


@dataclass
class Used:
    """What one app used in a stretch of time: means over all of it, and what that costs."""

    tenant_id: int
    plan_id: int | None
    seconds: float = 0.0
    replicas: float = 0.0
    cpu: float = 0.0
    ram_mb: float = 0.0
    disk_gb: float = 0.0
    cost: Decimal = Decimal(0)


def used_between(
    session: Session, since: datetime, until: datetime, *, tenant_id: int | None = None
) -> dict[int, Used]:
    """What each app used from ``since`` to ``until``, by its row key: nothing but its runs count.

    Asked again for a time that is over, the answer is the same.
    """
    query = select(*_RUN_COLUMNS).where(
        Run.started_at < until, or_(Run.ended_at.is_(None), Run.ended_at > since)
    )
    if tenant_id is not None:
        query = query.where(Run.tenant_id == tenant_id)
    rows = session.execute(query.order_by(Run.app_id, Run.started_at, Run.id))
    return _measured(rows, since, until)


def _measured(runs: Iterable[Any], since: datetime, until: datetime) -> dict[int, Used]:
    """The runs' parts within a stretch of time, weighted by their seconds.

    Cost is price times replicas times hours; the plan is that of the app's last run in it.
    """
    length = until - since
    used: dict[int, Used] = {}
    for run in runs:
        part = min(run.ended_at or until, until) - max(run.started_at, since)
        if part <= timedelta(0):
            continue
        one = used.setdefault(run.app_id, Used(run.tenant_id, run.plan_id))
        one.plan_id = run.plan_id
        share = run.replicas * (part / length)
        one.seconds += part.total_seconds()
        one.replicas += share
        one.cpu += run.cpu * share
        one.ram_mb += run.ram_mb * share
        one.disk_gb += run.disk_gb * share
        hours = Decimal(part // timedelta(microseconds=1)) / Decimal(HOUR // timedelta.resolution)
        one.cost += run.price_per_hour * run.replicas * hours
    return used
