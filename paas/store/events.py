"""An app's stream: status, steps and log lines under one number that only grows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, delete, insert, select, tuple_, update
from sqlalchemy.orm import Session

from paas.domain.views import EventView
from paas.store.base import utcnow
from paas.store.models import App, Event

_INSERT = insert(cast(Table, Event.__table__))


@dataclass(frozen=True)
class Entry:
    """An event before it has its number."""

    kind: str
    stream: str
    text: str
    at: datetime


def entry(kind: str, stream: str, text: str) -> Entry:
    """An event of this moment."""
    return Entry(kind, stream, text, utcnow())


def append(
    session: Session,
    app_id: int,
    entries: Sequence[Entry],
    *,
    operation_id: int | None = None,
    epoch: int | None = None,
) -> None:
    """Add entries in order. The update of the app's row serialises the writers of one app."""
    last = session.execute(
        update(App)
        .where(App.id == app_id)
        .values(event_seq=App.event_seq + len(entries))
        .returning(App.event_seq)
        .execution_options(synchronize_session=False)
    ).scalar_one()
    _insert(session, app_id, last - len(entries) + 1, entries, operation_id, epoch)


def begin(session: Session, app_id: int, first: Entry) -> None:
    """The first entry of an app that was inserted with ``event_seq`` 1."""
    _insert(session, app_id, 1, [first])


def _insert(
    session: Session,
    app_id: int,
    first: int,
    entries: Sequence[Entry],
    operation_id: int | None = None,
    epoch: int | None = None,
) -> None:
    session.connection().execute(
        _INSERT,
        [
            {
                "app_id": app_id,
                "seq": first + i,
                "operation_id": operation_id,
                "epoch": epoch,
                "kind": e.kind,
                "stream": e.stream,
                "text": e.text,
                "at": e.at,
            }
            for i, e in enumerate(entries)
        ],
    )


def after(session: Session, app_id: int, seq: int, limit: int) -> list[EventView]:
    """The entries that follow ``seq``, oldest first."""
    rows = session.scalars(
        select(Event)
        .where(Event.app_id == app_id, Event.seq > seq)
        .order_by(Event.seq)
        .limit(limit)
    )
    return [EventView(e.seq, e.kind, e.stream, e.text, e.at) for e in rows]


def last_lines(session: Session, app_id: int, limit: int) -> list[EventView]:
    """The newest log lines, oldest first."""
    rows = session.scalars(
        select(Event)
        .where(Event.app_id == app_id, Event.kind == "log")
        .order_by(Event.seq.desc())
        .limit(limit)
    ).all()
    return [EventView(e.seq, e.kind, e.stream, e.text, e.at) for e in reversed(rows)]


def prune(session: Session, days: int, most: int) -> int:
    """Remove entries older than ``days``, at most so many; returns how many there were."""
    edge = utcnow() - timedelta(days=days)
    old = session.execute(
        select(Event.app_id, Event.seq).where(Event.at < edge).order_by(Event.at).limit(most)
    ).all()
    if old:
        keys = tuple_(Event.app_id, Event.seq)
        session.execute(delete(Event).where(keys.in_([(r.app_id, r.seq) for r in old])))
    return len(old)
