"""Log lines: in order with what is told, never in the way of a transaction."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from paas.engine import takeover
from paas.engine.attempt import Attempt
from paas.engine.journal import MOST_LINES
from paas.engine.platform import Platform
from paas.store import events, operations
from paas.store.models import App, Event, Operation


@pytest.fixture
def attempt(bare: Platform, operation: Operation) -> Iterator[Attempt]:
    held = takeover.take(bare, operation.uuid)
    assert held is not None
    with Attempt(bare, held) as made:
        yield made


def texts(platform: Platform) -> list[str]:
    with platform.store.read() as session:
        return list(session.scalars(select(Event.text).order_by(Event.seq)))


def test_lines_stand_before_what_the_next_transaction_tells(
    bare: Platform, attempt: Attempt
) -> None:
    for number in range(20):
        attempt.say(f"line {number}")
        with attempt.write() as session:
            events.append(session, attempt.held.app_id, [events.entry("step", "s", f"{number}")])
    told = [text for n in range(20) for text in (f"line {n}", f"{n}")]
    assert [t for t in texts(bare) if t != "pending"] == told


def test_lines_logged_while_a_transaction_is_open_block_nobody(
    bare: Platform, attempt: Attempt
) -> None:
    """The flusher waits for the transaction, and the transaction must not wait for the flusher."""
    done = threading.Event()

    def work() -> None:
        for number in range(30):
            attempt.say(f"before {number}")
            with attempt.write():
                attempt.say(f"inside {number}")
                # The flusher has seen the line when it is asked for the database.
                attempt.journal._changed.acquire()
                attempt.journal._changed.release()
        done.set()

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(25)
    assert done.is_set()


def test_lines_of_a_transaction_that_failed_are_written_later(
    bare: Platform, attempt: Attempt
) -> None:
    attempt.say("kept")
    with pytest.raises(ZeroDivisionError), attempt.write():
        raise ZeroDivisionError
    attempt.journal.flush()
    assert "kept" in texts(bare)


def test_lines_wait_while_the_database_does_not_answer(
    bare: Platform, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("insert", {}, Exception("database is locked"))

    attempt.say("patient")
    with monkeypatch.context() as broken:
        broken.setattr(operations, "renew", refuse)
        with pytest.raises(OperationalError):
            attempt.journal.flush()
    attempt.journal.flush()
    assert "patient" in texts(bare)


def test_a_build_that_never_stops_talking_is_cut_off(bare: Platform, attempt: Attempt) -> None:
    for _ in range(MOST_LINES + 50):
        attempt.log("ansible", "yes")
    attempt.say("the platform's own words are kept")
    attempt.journal.flush()
    found = texts(bare)
    assert found.count("yes") == MOST_LINES
    assert found[-2:] == [
        f"more than {MOST_LINES} lines; further output is not kept",
        "the platform's own words are kept",
    ]


def test_secrets_of_every_kind_of_operation_are_hidden_from_the_start(
    bare: Platform, operation: Operation
) -> None:
    with bare.store.write() as session:
        app = session.get_one(App, operation.app_id)
        app.environment = bare.store.vault.seal_map({"TOKEN": "correct-horse"})
    held = takeover.take(bare, operation.uuid)
    assert held is not None
    with Attempt(bare, held) as attempt:
        attempt.journal.hide(["battery-staple"])
        attempt.say("last words: correct-horse battery-staple")
    assert "last words: [hidden] [hidden]" in texts(bare)


def test_an_attempt_writes_its_last_lines_when_it_ends(
    bare: Platform, operation: Operation
) -> None:
    held = takeover.take(bare, operation.uuid)
    assert held is not None
    with Attempt(bare, held) as attempt:
        attempt.say("the last words")
    assert "the last words" in texts(bare)
