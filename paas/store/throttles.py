"""How often something went wrong lately, counted right by several processes at once."""

import math
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from paas.store.base import utcnow
from paas.store.people import Throttle

FORGOTTEN_AFTER = timedelta(hours=24)
FIRST_PAUSE = 2
LONGEST_PAUSE = 900


def count(session: Session, name: str, free: int) -> int:
    """Count a try as failed before it is made; 0, or the seconds of the pause that it meets.

    What is counted first cannot be had in parallel: of any number of tries at one moment only
    ``free`` get through. A try that meets a pause is not counted.
    """
    row = _held(session, name)
    now = utcnow()
    if row.until is not None and row.until > now:
        return math.ceil((row.until - now).total_seconds())
    if now - row.first_at > FORGOTTEN_AFTER:
        row.failures, row.first_at = 0, now
    row.failures += 1
    pause = _pause(row.failures - free)
    row.until = now + timedelta(seconds=pause) if pause else None
    return 0


def give_back(session: Session, name: str) -> None:
    """A counted try was none: it neither failed nor proved anything."""
    row = session.get(Throttle, name, with_for_update=True)
    if row is not None:
        row.failures = max(0, row.failures - 1)
        row.until = None


def clear(session: Session, name: str) -> None:
    """Begin to count anew."""
    session.execute(delete(Throttle).where(Throttle.name == name))


def prune(session: Session, now: datetime) -> None:
    """Remove what no longer counts."""
    session.execute(delete(Throttle).where(Throttle.first_at < now - FORGOTTEN_AFTER))


def _held(session: Session, name: str) -> Throttle:
    insert = (sqlite if session.get_bind().dialect.name == "sqlite" else postgresql).insert
    row = {"name": name, "failures": 0, "first_at": utcnow()}
    session.execute(insert(Throttle).values(**row).on_conflict_do_nothing())
    query = select(Throttle).where(Throttle.name == name).with_for_update()
    return session.scalars(query).one()


def _pause(over: int) -> int:
    """Seconds after so many tries over the free ones: 0, 2, 4, 8 and so on, at most 15 minutes."""
    if over <= 0:
        return 0
    return min(LONGEST_PAUSE, FIRST_PAUSE << min(over - 1, 20))
