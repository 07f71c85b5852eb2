"""Endpoints: what each said of itself when the platform first met it."""

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from paas.store.base import utcnow
from paas.store.models import Endpoint


def identity_of(session: Session, name: str) -> str | None:
    """What an endpoint said of itself at the first contact; None before that."""
    return session.scalar(select(Endpoint.identity).where(Endpoint.name == name))


def meet(session: Session, name: str, url: str, identity: str) -> str:
    """Note an endpoint at the first contact; returns the identity that holds from then on."""
    insert = (sqlite if session.get_bind().dialect.name == "sqlite" else postgresql).insert
    values = {"name": name, "url": url, "identity": identity, "created_at": utcnow()}
    session.execute(insert(Endpoint).values(**values).on_conflict_do_nothing())
    return session.scalars(select(Endpoint.identity).where(Endpoint.name == name)).one()


def rename(session: Session, name: str, identity: str) -> None:
    """The endpoint calls itself otherwise from now on: a host has become a cluster."""
    session.execute(update(Endpoint).where(Endpoint.name == name).values(identity=identity))
