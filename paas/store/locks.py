"""What one operation at a time may use, such as the template that a guest is cloned from."""

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from paas.domain.states import ACTIVE_OPERATION_STATES
from paas.store.base import clock
from paas.store.models import Lock, Operation


def take(session: Session, name: str, operation_id: int, epoch: int) -> bool:
    """Whether the lock is the caller's now. It counts only while its holder's lease does."""
    insert = (sqlite if session.get_bind().dialect.name == "sqlite" else postgresql).insert
    mine = {"operation_id": operation_id, "epoch": epoch}
    session.execute(insert(Lock).values(name=name, **mine).on_conflict_do_nothing())
    holds = exists(
        select(Operation.id).where(
            Operation.id == Lock.operation_id,
            Operation.epoch == Lock.epoch,
            Operation.state.in_(ACTIVE_OPERATION_STATES),
            Operation.lease_until >= clock(),
        )
    )
    taken = session.execute(
        update(Lock)
        .where(Lock.name == name, or_(~holds, Lock.operation_id == operation_id))
        .values(**mine)
        .returning(Lock.name)
        .execution_options(synchronize_session=False)
    )
    return taken.scalar_one_or_none() is not None


def free(session: Session, name: str, operation_id: int, epoch: int) -> None:
    """Give the lock back; nothing happens when another has it by now."""
    session.execute(
        delete(Lock).where(
            Lock.name == name, Lock.operation_id == operation_id, Lock.epoch == epoch
        )
    )
