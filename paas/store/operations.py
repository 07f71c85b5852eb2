"""Operations: the lease and its epoch, and what is due. Only the database's clock counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import ColumnElement, Table, and_, case, insert, null, or_, select, update
from sqlalchemy.orm import Session

from paas.domain.errors import LeaseLost
from paas.domain.states import ACTIVE_OPERATION_STATES, OperationKind, OperationState
from paas.domain.views import OperationView
from paas.store import apps
from paas.store.base import clock, utcnow
from paas.store.models import ACTIVE, App, Deployment, Operation, Step

LEASE_SECONDS = 30.0
ELSEWHERE_SECONDS = 30.0
# The end of a holder's name that has followed another machine's and must still look what that
# one has left under way; it outlives the lease.
FOLLOWS = " follows"
_INSERT = insert(cast(Table, Operation.__table__)).returning(Operation.__table__.c.id)
_INSERT_DEPLOYMENT = insert(cast(Table, Deployment.__table__)).returning(Deployment.__table__.c.id)


@dataclass(frozen=True)
class Due:
    """An active operation as the sweeper sees it."""

    id: int
    uuid: str
    epoch: int
    holder: str | None
    free: bool
    waiting: bool


@dataclass(frozen=True)
class Owner:
    """The app that an operation is for, in the state that it has before."""

    id: int
    uuid: str
    tenant_id: int
    state: str


def add_deployment(
    session: Session,
    app_id: int,
    ref: str | None,
    *,
    by: str = "",
    release_id: int | None = None,
) -> int:
    """Record an attempt to bring a release live; returns its row key."""
    values = {"app_id": app_id, "ref": ref, "triggered_by": by, "release_id": release_id}
    made = session.connection().execute(_INSERT_DEPLOYMENT, values)
    key: int = made.scalar_one()
    return key


def add(
    session: Session,
    app: Owner,
    kind: OperationKind,
    deployment_id: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[int, OperationView]:
    """Record an operation that nobody has begun; returns its row key and its view."""
    uuid, now, state = str(uuid4()), utcnow(), OperationState.QUEUED
    made = session.connection().execute(
        _INSERT,
        {
            "uuid": uuid,
            "tenant_id": app.tenant_id,
            "app_id": app.id,
            "deployment_id": deployment_id,
            "kind": kind,
            "options": dict(options or {}),
            "state": state,
            "prior_state": app.state,
            "created_at": now,
        },
    )
    key: int = made.scalar_one()
    return key, OperationView(uuid, app.uuid, kind, state, None, (), now, None)


def take(session: Session, uuid: str, holder: str, *, dead: str | None = None) -> int | None:
    """Take the lease of an active operation and return the new epoch, or None.

    The lease must be free, expired, or held by ``dead``, a holder known to have ended. From
    another machine (the first word of a holder) it is taken only when what runs there has had
    the time to be ended by its guards.
    """
    here = f"{holder.split(' ')[0]} "
    free: ColumnElement[bool] = or_(
        Operation.lease_until.is_(None),
        Operation.lease_until < clock() - ELSEWHERE_SECONDS,
        and_(
            Operation.lease_until < clock(),
            Operation.holder.startswith(here, autoescape=True),
        ),
    )
    if dead is not None:
        free = or_(free, Operation.holder == dead)
    epoch = session.execute(
        update(Operation)
        .where(
            Operation.uuid == uuid,
            Operation.state.in_(ACTIVE_OPERATION_STATES),
            free,
            or_(Operation.not_before.is_(None), Operation.not_before <= clock()),
        )
        .values(epoch=Operation.epoch + 1, lease_until=clock() + LEASE_SECONDS, holder=holder)
        .returning(Operation.epoch)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if epoch is not None:
        session.execute(
            update(Operation)
            .where(Operation.uuid == uuid, Operation.state == OperationState.QUEUED)
            .values(state=OperationState.RUNNING)
            .execution_options(synchronize_session=False)
        )
    return epoch


def renew(session: Session, operation_id: int, epoch: int) -> str | None:
    """Keep the lease; returns the reason to end early, if there is one; raises ``LeaseLost``.

    Every write of an attempt calls this first: the row's lock fences it against a successor. One
    that was given back stays free: the last log lines may be written after that.
    """
    kept = case((Operation.lease_until.is_(None), null()), else_=clock() + LEASE_SECONDS)
    found = session.execute(
        update(Operation)
        .where(
            Operation.id == operation_id,
            Operation.epoch == epoch,
            Operation.state.in_(ACTIVE_OPERATION_STATES),
        )
        .values(lease_until=kept)
        .returning(Operation.id, Operation.cancel)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if found is None:
        raise LeaseLost(f"operation {operation_id} is no longer held under epoch {epoch}")
    reason: str | None = found.cancel
    return reason


def cancel_of(session: Session, operation_id: int, epoch: int) -> str | None:
    """The reason to end early, if there is one; raises ``LeaseLost``."""
    found = session.execute(
        select(Operation.cancel).where(Operation.id == operation_id, Operation.epoch == epoch)
    ).one_or_none()
    if found is None:
        raise LeaseLost(f"operation {operation_id} is no longer held under epoch {epoch}")
    reason: str | None = found.cancel
    return reason


def let_go(session: Session, operation: Operation, *, delay: float = 0.0) -> None:
    """Give the lease back; the operation is due again after ``delay`` seconds."""
    session.execute(
        update(Operation)
        .where(Operation.id == operation.id)
        .values(
            lease_until=None,
            holder=case((Operation.holder.endswith(FOLLOWS), Operation.holder), else_=null()),
            # Who waits for the end of a cancelled operation waits for no pause.
            not_before=case((Operation.cancel.is_not(None), null()), else_=clock() + delay),
        )
        .execution_options(synchronize_session=False)
    )
    if operation.state == OperationState.RUNNING:
        operation.state = OperationState.QUEUED


def close(operation: Operation, state: OperationState, error: str | None = None) -> None:
    """End an operation for good."""
    operation.state = state
    operation.error_message = error
    operation.lease_until = None
    operation.holder = None
    operation.finished_at = utcnow()


def active_of(session: Session, app_id: int, *, lock: bool = False) -> Operation | None:
    """The one active operation of an app, as the database has it now.

    Whoever locks both locks the operation before its app, as the workers do.
    """
    query = (
        select(Operation)
        .where(Operation.app_id == app_id, Operation.state.in_(ACTIVE_OPERATION_STATES))
        .execution_options(populate_existing=True)
    )
    return session.scalar(query.with_for_update() if lock else query)


def active(session: Session) -> list[Due]:
    """All active operations, oldest first, with whether they are free and whether they wait."""
    free = or_(Operation.lease_until.is_(None), Operation.lease_until < clock())
    waiting = and_(Operation.not_before.is_not(None), Operation.not_before > clock())
    rows = session.execute(
        select(
            Operation.id,
            Operation.uuid,
            Operation.epoch,
            Operation.holder,
            free.label("free"),
            waiting.label("waiting"),
        )
        .where(ACTIVE)
        .order_by(Operation.id)
    )
    return [Due(r.id, r.uuid, r.epoch, r.holder, bool(r.free), bool(r.waiting)) for r in rows]


def steps_of(session: Session, operation_id: int) -> list[Step]:
    """The recorded steps in their order."""
    return list(
        session.scalars(
            select(Step).where(Step.operation_id == operation_id).order_by(Step.position)
        )
    )


def view(session: Session, operation: Operation, totals: apps.Totals) -> OperationView:
    """An operation for the rooms above."""
    steps: Sequence[Step] = steps_of(session, operation.id)
    app_uuid = session.scalars(select(App.uuid).where(App.id == operation.app_id)).one()
    total = totals(operation.kind, operation.options)
    return OperationView(
        id=operation.uuid,
        app_id=app_uuid,
        kind=operation.kind,
        state=operation.state,
        error=operation.error_message,
        steps=tuple(apps.step_view(s, total) for s in steps),
        created_at=operation.created_at,
        finished_at=operation.finished_at,
    )
