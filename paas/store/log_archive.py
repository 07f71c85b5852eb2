"""Old entries of apps' streams, a day of an app at a time, for the archive."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from paas.domain.views import EventView
from paas.store.models import App, Event
from paas.store.unit_of_work import Store

PAGE = 1000


@dataclass(frozen=True)
class AppDay:
    """The entries that an app has of a day (UTC): numbered from ``first`` to ``last``."""

    app_id: int
    app_uuid: str
    day: date
    first: int
    last: int

    def where(self) -> tuple[ColumnElement[bool], ...]:
        """What its entries have in common; younger ones with other numbers are not among them."""
        begin = datetime.combine(self.day, time(), UTC)
        return (
            Event.app_id == self.app_id,
            Event.seq.between(self.first, self.last),
            Event.at >= begin,
            Event.at < begin + timedelta(days=1),
        )


def oldest(session: Session, before: datetime) -> AppDay | None:
    """The app and day of the oldest entry before a midnight; None when there is none."""
    found = session.execute(
        select(Event.app_id, Event.at).where(Event.at < before).order_by(Event.at).limit(1)
    ).first()
    if found is None:
        return None
    begin = datetime.combine(found.at.date(), time(), UTC)
    first, last = session.execute(
        select(func.min(Event.seq), func.max(Event.seq)).where(
            Event.app_id == found.app_id,
            Event.at >= begin,
            Event.at < begin + timedelta(days=1),
        )
    ).one()
    uuid = session.scalars(select(App.uuid).where(App.id == found.app_id)).one()
    return AppDay(found.app_id, uuid, begin.date(), first, last)


def entries(store: Store, day: AppDay) -> Iterator[EventView]:
    """The entries in their order, a page at a time so that no reader stays long."""
    after = day.first - 1
    while True:
        with store.read() as session:
            rows = session.scalars(
                select(Event).where(*day.where(), Event.seq > after).order_by(Event.seq).limit(PAGE)
            ).all()
        yield from (EventView(e.seq, e.kind, e.stream, e.text, e.at) for e in rows)
        if len(rows) < PAGE:
            return
        after = rows[-1].seq


def remove(session: Session, day: AppDay, most: int) -> int:
    """Remove at most so many of the entries, the first ones; returns how many there were."""
    seqs = session.scalars(
        select(Event.seq).where(*day.where()).order_by(Event.seq).limit(most)
    ).all()
    if seqs:
        session.execute(delete(Event).where(*day.where(), Event.seq <= seqs[-1]))
    return len(seqs)
