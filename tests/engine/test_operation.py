"""How an operation goes through its steps: in order, once each, back again when one fails."""

import dataclasses
from collections.abc import Callable

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from paas.domain.errors import PaasError, StepFailed, StepInterrupted
from paas.domain.states import OperationKind
from paas.engine import operation as engine
from paas.engine.attempt import Attempt, Record
from paas.engine.platform import Platform
from paas.engine.steps import Plan, Step
from paas.store import operations
from paas.store.base import clock
from paas.store.models import Event, Operation
from paas.store.models import Step as StepRow


class Diary:
    """Steps that write down what was done to them, and fail when told to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.broken: dict[str, PaasError] = {}
        self.during: Callable[[Attempt], None] = lambda _: None

    def step(self, name: str) -> Step:
        def do(attempt: Attempt) -> Record:
            self.lines.append(f"do {name}")
            self.during(attempt)
            self._break(f"do {name}")
            return {"of": name}

        def undo(attempt: Attempt, record: Record) -> None:
            self.lines.append(f"undo {name} {record.get('of', 'half')}")
            self._break(f"undo {name}")

        return Step(name, do, undo)

    def _break(self, moment: str) -> None:
        if moment in self.broken:
            raise self.broken[moment]

    def plan(self) -> dict[OperationKind, Plan]:
        steps = tuple(self.step(name) for name in ("one", "two", "three"))
        return {OperationKind.DEPLOY: Plan(steps, self._succeed, self._fail)}

    def _succeed(self, attempt: Attempt, session: Session) -> None:
        self.lines.append("succeed")

    def _fail(self, attempt: Attempt, session: Session, error: str) -> None:
        self.lines.append(f"fail: {error}")


@pytest.fixture
def diary() -> Diary:
    return Diary()


def go(platform: Platform, operation: Operation, diary: Diary) -> None:
    """Run the operation as if it were due."""
    with platform.store.write() as session:
        session.execute(
            update(Operation).where(Operation.id == operation.id).values(not_before=None)
        )
    engine.run(platform, diary.plan(), operation.uuid)


def row(platform: Platform, operation: Operation) -> Operation:
    with platform.store.read() as session:
        return session.get_one(Operation, operation.id)


def test_steps_run_in_order_and_the_operation_ends(
    bare: Platform, operation: Operation, diary: Diary
) -> None:
    go(bare, operation, diary)
    assert diary.lines == ["do one", "do two", "do three", "succeed"]
    assert row(bare, operation).state == "succeeded"


def test_what_is_done_is_not_done_again(bare: Platform, operation: Operation, diary: Diary) -> None:
    diary.broken["do two"] = StepInterrupted("the wind")
    go(bare, operation, diary)
    assert row(bare, operation).state == "queued"
    diary.broken.clear()
    go(bare, operation, diary)
    assert diary.lines == ["do one", "do two", "do two", "do three", "succeed"]


def test_a_failed_step_unwinds_itself_and_those_before_it(
    bare: Platform, operation: Operation, diary: Diary
) -> None:
    diary.broken["do two"] = StepFailed("no such thing")
    go(bare, operation, diary)
    assert diary.lines == [
        "do one",
        "do two",
        "undo two half",
        "undo one one",
        "fail: no such thing",
    ]
    ended = row(bare, operation)
    assert (ended.state, ended.error_message) == ("failed", "no such thing")


def test_three_dead_attempts_at_a_step_are_enough(
    bare: Platform, operation: Operation, diary: Diary
) -> None:
    diary.broken["do one"] = StepInterrupted("killed")
    for _ in range(4):
        go(bare, operation, diary)
    assert diary.lines.count("do one") == 3
    assert row(bare, operation).state == "failed"


def test_a_fault_that_nobody_foresaw_costs_an_attempt(
    bare: Platform, operation: Operation, diary: Diary
) -> None:
    diary.broken["do one"] = ZeroDivisionError()  # type: ignore[assignment]
    go(bare, operation, diary)
    assert row(bare, operation).state == "queued"
    diary.broken.clear()
    go(bare, operation, diary)
    assert row(bare, operation).state == "succeeded"


def test_an_undo_that_cannot_finish_stays_visible_and_goes_on_later(
    bare: Platform, operation: Operation, diary: Diary
) -> None:
    diary.broken = {"do two": StepFailed("broken"), "undo one": StepFailed("stuck")}
    go(bare, operation, diary)
    waiting = row(bare, operation)
    assert (waiting.state, waiting.error_message) == ("unwinding", "broken")
    assert waiting.not_before is not None
    del diary.broken["undo one"]
    go(bare, operation, diary)
    assert diary.lines[-2:] == ["undo one one", "fail: broken"]
    assert diary.lines.count("undo two half") == 1


def cancel(attempt: Attempt) -> None:
    """What the doors do when somebody deletes a busy app."""
    with attempt.platform.store.write() as session:
        session.execute(
            update(Operation).where(Operation.id == attempt.held.id).values(cancel="deleted")
        )


@pytest.mark.parametrize("moment", ["one", "two", "three"])
def test_a_cancelled_operation_makes_room_for_the_destroy(
    bare: Platform, operation: Operation, diary: Diary, moment: str
) -> None:
    """Whenever it is cancelled, in its very last step too."""

    def during(attempt: Attempt) -> None:
        if diary.lines[-1] == f"do {moment}":
            cancel(attempt)

    diary.during = during
    go(bare, operation, diary)
    assert diary.lines[-1] == f"do {moment}"
    assert row(bare, operation).error_message == "cancelled: deleted"
    with bare.store.read() as session:
        next_one = operations.active_of(session, operation.app_id)
    assert next_one is not None
    assert next_one.kind == "destroy"


def test_a_cancel_during_the_last_undo_is_not_lost(
    bare: Platform, operation: Operation, diary: Diary
) -> None:
    diary.broken["do one"] = StepFailed("broken")
    diary.during = cancel
    go(bare, operation, diary)
    assert row(bare, operation).state == "cancelled"
    with bare.store.read() as session:
        assert operations.active_of(session, operation.app_id) is not None


def test_a_cancelled_operation_that_is_taken_again_begins_no_step(
    bare: Platform, operation: Operation, diary: Diary
) -> None:
    with bare.store.write() as session:
        session.execute(update(Operation).values(cancel="deleted"))
    go(bare, operation, diary)
    assert diary.lines == []
    assert row(bare, operation).state == "cancelled"


def test_a_full_disk_is_told_in_words(bare: Platform, operation: Operation, diary: Diary) -> None:
    diary.broken["do one"] = OSError(28, "No space left on device")  # type: ignore[assignment]
    go(bare, operation, diary)
    assert "No space left on device" in (row(bare, operation).error_message or "")


def test_a_stopping_worker_leaves_the_operation_to_others_and_counts_no_attempt(
    bare: Platform, operation: Operation, diary: Diary
) -> None:
    flags = {"stop": False}
    stopping = dataclasses.replace(bare, stopping=lambda: flags["stop"])
    diary.during = lambda attempt: flags.update(stop=True)
    go(stopping, operation, diary)
    assert (row(bare, operation).state, diary.lines) == ("queued", ["do one"])
    go(bare, operation, diary)
    assert row(bare, operation).state == "succeeded"


def test_an_attempt_that_lost_its_lease_writes_nothing_more(
    bare: Platform, operation: Operation, diary: Diary
) -> None:
    def overtake(attempt: Attempt) -> None:
        with bare.store.write() as session:
            session.execute(
                update(Operation)
                .where(Operation.id == operation.id)
                .values(epoch=Operation.epoch + 1, lease_until=clock() + 30)
            )

    diary.during = overtake
    go(bare, operation, diary)
    assert diary.lines == ["do one"]
    with bare.store.read() as session:
        step = session.get_one(StepRow, (operation.id, "one"))
    assert step.state == "started"


def test_the_log_lines_of_a_lost_lease_are_dropped(
    bare: Platform, operation: Operation, diary: Diary
) -> None:
    def overtake(attempt: Attempt) -> None:
        with bare.store.write() as session:
            session.execute(
                update(Operation)
                .where(Operation.id == operation.id)
                .values(epoch=Operation.epoch + 1)
            )
        attempt.say("I am late")

    diary.during = overtake
    go(bare, operation, diary)
    with bare.store.read() as session:
        assert session.scalar(select(Event).where(Event.text == "I am late")) is None


def test_a_worker_that_finds_the_operation_held_does_nothing(
    bare: Platform, operation: Operation, diary: Diary
) -> None:
    with bare.store.write() as session:
        operations.take(session, operation.uuid, "another-host boot 1 2")
    go(bare, operation, diary)
    assert diary.lines == []
