"""Endpoints: what each said of itself when the platform first met it, and how it is reached."""

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


def added(session: Session) -> list[Endpoint]:
    """The endpoints that were added while the platform ran, and can be reached."""
    return list(session.scalars(select(Endpoint).where(Endpoint.access.is_not(None))))


def named(session: Session, name: str) -> Endpoint | None:
    """The endpoint of a name."""
    return session.scalar(select(Endpoint).where(Endpoint.name == name))


def like(session: Session, identity: str) -> list[Endpoint]:
    """The endpoints that call themselves so; hosts of their own may share a name."""
    return list(session.scalars(select(Endpoint).where(Endpoint.identity == identity)))


def add(session: Session, name: str, url: str, identity: str, access: bytes) -> None:
    """Note an endpoint with the sealed way to reach it, or a new way to one that is known."""
    found = named(session, name)
    if found is None:
        session.add(found := Endpoint(name=name))
    found.url, found.identity, found.access = url, identity, access


def forget_access(session: Session, name: str) -> None:
    """Forget the way to an endpoint, its token included; its name stays taken."""
    session.execute(update(Endpoint).where(Endpoint.name == name).values(access=None))
