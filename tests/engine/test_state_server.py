"""Terraform's state over HTTP: for this attempt alone, under its epoch."""

from collections.abc import Iterator

import pytest
import requests
from sqlalchemy import update

from paas.engine import takeover
from paas.engine.attempt import Attempt
from paas.engine.platform import Platform
from paas.engine.state_server import Backend, StateKeeper, serve
from paas.store import guests
from paas.store.models import App, Operation, StateVersion
from paas.targets.contract import Place


@pytest.fixture
def attempt(bare: Platform, operation: Operation) -> Iterator[Attempt]:
    held = takeover.take(bare, operation.uuid)
    assert held is not None
    with Attempt(bare, held) as made:
        yield made


@pytest.fixture
def keeper(attempt: Attempt) -> StateKeeper:
    with attempt.write() as session:
        app = session.get_one(App, attempt.held.app_id)
        guest = guests.reserve(session, app, "local", Place("e", "n", "127.77.0.1"), 100)
    return StateKeeper(attempt, guest.id)


@pytest.fixture
def backend(keeper: StateKeeper) -> Iterator[Backend]:
    with serve(keeper) as made:
        yield made


def auth(backend: Backend) -> tuple[str, str]:
    return backend.username, backend.password


def test_there_is_no_state_at_first_and_then_the_newest(backend: Backend) -> None:
    assert requests.get(backend.address, auth=auth(backend), timeout=5).status_code == 204
    for serial in (b'{"serial":1}', b'{"serial":2}'):
        requests.post(backend.address, serial, auth=auth(backend), timeout=5).raise_for_status()
    assert requests.get(backend.address, auth=auth(backend), timeout=5).content == b'{"serial":2}'


def test_the_state_is_sealed_in_the_database(backend: Backend, attempt: Attempt) -> None:
    requests.post(backend.address, b'{"password":"open"}', auth=auth(backend), timeout=5)
    with attempt.platform.store.read() as session:
        body = session.query(StateVersion).one().body
    assert b"open" not in body


def test_without_the_password_nothing_is_told_or_taken(
    backend: Backend, keeper: StateKeeper
) -> None:
    assert requests.get(backend.address, timeout=5).status_code == 401
    assert requests.post(backend.address, b"{}", timeout=5).status_code == 401
    assert requests.get(backend.address, auth=("terraform", "x"), timeout=5).status_code == 401
    assert keeper.read() is None


def test_a_stale_epoch_gets_409_and_changes_nothing(
    backend: Backend, keeper: StateKeeper, attempt: Attempt
) -> None:
    with attempt.platform.store.write() as session:
        session.execute(update(Operation).values(epoch=Operation.epoch + 1))
    answer = requests.post(backend.address, b'{"late":1}', auth=auth(backend), timeout=5)
    assert answer.status_code == 409
    assert keeper.read() is None


def test_the_lock_may_be_taken_again_after_a_kill(backend: Backend) -> None:
    for verb in ("LOCK", "LOCK", "UNLOCK"):
        answer = requests.request(verb, backend.address, data=b"{}", auth=auth(backend), timeout=5)
        assert answer.status_code == 200
