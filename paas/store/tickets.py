"""Tickets of streams: kept as hashes, taken once."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from paas.store.models import App
from paas.store.people import StreamTicket


def add(session: Session, ticket: StreamTicket, now: datetime) -> None:
    """Keep a ticket, and forget those whose time is over."""
    session.execute(delete(StreamTicket).where(StreamTicket.expires_at <= now))
    session.add(ticket)


def take(session: Session, digest: str, app_uuid: str, now: datetime) -> tuple[int, str] | None:
    """The tenant and the actor of a ticket for this app, which is used up by that.

    One statement: of two who come with the same ticket one gets it.
    """
    app_id = select(App.id).where(App.uuid == app_uuid).scalar_subquery()
    found = session.execute(
        delete(StreamTicket)
        .where(
            StreamTicket.hash == digest,
            StreamTicket.app_id == app_id,
            StreamTicket.expires_at > now,
        )
        .returning(StreamTicket.tenant_id, StreamTicket.actor)
    ).first()
    return (found.tenant_id, found.actor) if found else None
