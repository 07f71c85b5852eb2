"""One worker holds an operation at a time, and a worker that lost it can write nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from paas.domain.errors import LeaseLost
from paas.store import operations
from paas.store.base import clock
from paas.store.models import Operation
from paas.store.unit_of_work import Store
from tests.factories import app_row, operation_row


@pytest.fixture
def operation(store: Store) -> Operation:
    with store.write() as session:
        return operation_row(session, app_row(session))


def take(store: Store, operation: Operation, who: str, **dead: str) -> int | None:
    with store.write() as session:
        return operations.take(session, operation.uuid, who, **dead)


def expire(store: Store, operation: Operation, since: float = 1) -> None:
    with store.write() as session:
        session.execute(
            update(Operation)
            .where(Operation.id == operation.id)
            .values(lease_until=clock() - since)
        )


def test_a_free_operation_is_taken_once(store: Store, operation: Operation) -> None:
    assert take(store, operation, "a") == 1
    assert take(store, operation, "b") is None


def test_of_many_at_once_one_gets_it(store: Store, operation: Operation) -> None:
    with ThreadPoolExecutor(8) as pool:
        epochs = list(pool.map(lambda n: take(store, operation, f"w{n}"), range(8)))
    assert sorted(epochs, key=str) == [1] + [None] * 7


def test_an_expired_lease_is_taken_over_with_a_new_epoch(
    store: Store, operation: Operation
) -> None:
    take(store, operation, "here boot 1 1")
    expire(store, operation)
    assert take(store, operation, "here boot 2 2") == 2


def test_a_lease_of_another_machine_is_left_half_a_minute_longer(
    store: Store, operation: Operation
) -> None:
    take(store, operation, "there boot 1 1")
    expire(store, operation)
    assert take(store, operation, "here boot 2 2") is None
    expire(store, operation, since=31)
    assert take(store, operation, "here boot 2 2") == 2


def test_a_holder_known_dead_is_followed_at_once(store: Store, operation: Operation) -> None:
    take(store, operation, "a")
    assert take(store, operation, "b", dead="someone else") is None
    assert take(store, operation, "b", dead="a") == 2


def test_the_old_epoch_can_neither_renew_nor_write(store: Store, operation: Operation) -> None:
    take(store, operation, "here 1")
    expire(store, operation)
    take(store, operation, "here 2")
    with pytest.raises(LeaseLost), store.write() as session:
        operations.renew(session, operation.id, 1)
    with pytest.raises(LeaseLost), store.read() as session:
        operations.cancel_of(session, operation.id, 1)


def test_an_operation_that_waits_is_not_taken_before_its_time(
    store: Store, operation: Operation
) -> None:
    take(store, operation, "a")
    with store.write() as session:
        operations.let_go(session, session.get_one(Operation, operation.id), delay=60)
    assert take(store, operation, "b") is None
    with store.read() as session:
        (due,) = operations.active(session)
    assert (due.free, due.waiting) == (True, True)


def test_a_closed_operation_is_not_taken(store: Store, operation: Operation) -> None:
    with store.write() as session:
        operations.close(session.get_one(Operation, operation.id), "succeeded")
    assert take(store, operation, "a") is None


def test_an_app_has_one_active_operation(store: Store, operation: Operation) -> None:
    with pytest.raises(IntegrityError), store.write() as session:
        session.add(
            Operation(tenant_id=1, app_id=operation.app_id, kind="stop", prior_state="running")
        )


def test_the_last_lines_after_a_lease_was_given_back_do_not_take_it_again(
    store: Store, operation: Operation
) -> None:
    assert take(store, operation, "a") == 1
    with store.write() as session:
        operations.let_go(session, session.get_one(Operation, operation.id))
    with store.write() as session:
        operations.renew(session, operation.id, 1)
    assert take(store, operation, "b") == 2
