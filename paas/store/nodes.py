"""Nodes: what the platform knows of the machines that guests live on."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from paas.domain.nodes import NodeState
from paas.domain.states import GuestState
from paas.store import guests
from paas.store.base import utcnow
from paas.store.commerce import Node
from paas.store.models import Guest


class Seen(Protocol):
    """A node as its endpoint shows it."""

    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def is_online(self) -> bool: ...
    @property
    def is_open(self) -> bool: ...


def listed(session: Session) -> list[Node]:
    """The nodes that are not removed, by endpoint and name."""
    query = select(Node).where(Node.state != NodeState.REMOVED)
    return list(session.scalars(query.order_by(Node.endpoint, Node.name)))


def of(session: Session, endpoint: str) -> list[Node]:
    """All nodes of an endpoint, removed ones too."""
    return list(session.scalars(select(Node).where(Node.endpoint == endpoint)))


def by_uuid(session: Session, uuid: str) -> Node | None:
    """A node that is not removed."""
    return session.scalar(select(Node).where(Node.uuid == uuid, Node.state != NodeState.REMOVED))


def meet(
    session: Session,
    endpoint: str,
    seen: Sequence[Seen],
    figures: Mapping[str, Mapping[str, Any]],
) -> None:
    """Keep what an endpoint shows of its nodes that are open to guests; ``figures`` by name.

    New ones are registered; a removed one stays removed.
    """
    insert = (sqlite if session.get_bind().dialect.name == "sqlite" else postgresql).insert
    now = utcnow()
    for one in seen:
        if not one.is_open:
            continue
        named = {"endpoint": endpoint, "name": one.name}
        session.execute(insert(Node).values(**named).on_conflict_do_nothing())
        known: dict[str, Any] = {"address": one.address, "figures": dict(figures[one.name])}
        if one.is_online:
            known["seen_at"] = now
        session.execute(update(Node).filter_by(**named).values(**known))


def hold_places(session: Session) -> None:
    """Let no place be chosen until this transaction ends: what is counted now stays so."""
    guests.next_place(session)


def set_state(session: Session, node_id: int, state: NodeState) -> None:
    """Let a node take new guests, or none any more."""
    session.get_one(Node, node_id).state = state


def closed(session: Session) -> dict[str, frozenset[str]]:
    """The names of the nodes that take nothing new, by endpoint."""
    found: dict[str, set[str]] = {}
    rows = session.execute(
        select(Node.endpoint, Node.name).where(Node.state != NodeState.ACTIVE)
    ).all()
    for endpoint, name in rows:
        found.setdefault(endpoint, set()).add(name)
    return {endpoint: frozenset(names) for endpoint, names in found.items()}


def guests_on(session: Session, endpoint: str, name: str) -> int:
    """How many guests on the books a node has, those that are still to be made included."""
    return counted(session).get((endpoint, name), 0)


def counted(session: Session) -> dict[tuple[str, str], int]:
    """The same of every node that has some, by endpoint and name."""
    rows = session.execute(
        select(Guest.endpoint, Guest.node, func.count())
        .where(Guest.state != GuestState.GONE)
        .group_by(Guest.endpoint, Guest.node)
    ).all()
    return {(endpoint, name): n for endpoint, name, n in rows}
