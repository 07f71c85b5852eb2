"""Locks count as long as their holder's lease does."""

from sqlalchemy import update

from paas.store import locks, operations
from paas.store.base import clock
from paas.store.models import Operation
from paas.store.unit_of_work import Store
from tests.factories import app_row, operation_row

NAME = "proxmox/pve1/9000"


def held(store: Store) -> tuple[int, int]:
    """An operation whose lease somebody holds: its key and epoch."""
    with store.write() as session:
        row = operation_row(session, app_row(session))
        epoch = operations.take(session, row.uuid, "here boot 1 1")
        assert epoch is not None
        return row.id, epoch


def take(store: Store, holder: tuple[int, int]) -> bool:
    with store.write() as session:
        return locks.take(session, NAME, *holder)


def test_one_operation_at_a_time_has_a_lock(store: Store) -> None:
    first, second = held(store), held(store)
    assert take(store, first)
    assert take(store, first)
    assert not take(store, second)
    with store.write() as session:
        locks.free(session, NAME, *first)
    assert take(store, second)


def test_a_lock_ends_with_its_holders_lease(store: Store) -> None:
    first, second = held(store), held(store)
    assert take(store, first)
    with store.write() as session:
        session.execute(
            update(Operation).where(Operation.id == first[0]).values(lease_until=clock() - 1)
        )
    assert take(store, second)


def test_the_next_attempt_of_an_operation_has_its_lock_at_once(store: Store) -> None:
    operation, epoch = held(store)
    assert take(store, (operation, epoch))
    assert take(store, (operation, epoch + 1))


def test_who_lost_a_lock_does_not_free_it_for_its_successor(store: Store) -> None:
    first, second = held(store), held(store)
    assert take(store, first)
    with store.write() as session:
        session.execute(update(Operation).where(Operation.id == first[0]).values(lease_until=None))
    assert take(store, second)
    with store.write() as session:
        locks.free(session, NAME, *first)
    assert not take(store, held(store))
