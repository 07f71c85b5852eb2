"""Running an operation: take the lease, go through the steps, unwind what failed."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import replace

import structlog
from sqlalchemy.orm import Session

from paas.domain.errors import (
    Cancelled,
    InvalidTransition,
    LeaseLost,
    PaasError,
    StepFailed,
    StepInterrupted,
    Stopping,
    Unreachable,
)
from paas.domain.states import (
    AppState,
    DeploymentState,
    OperationKind,
    OperationState,
    StepState,
)
from paas.engine import lease, pausing, takeover
from paas.engine.attempt import Attempt, Record
from paas.engine.platform import Platform
from paas.engine.steps import Plan, Step, slots_of
from paas.store import apps, events, operations
from paas.store.base import utcnow
from paas.store.models import App, Deployment, Operation
from paas.store.models import Step as StepRow
from paas.tools.process import kill_marked

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 3
INTERNAL = "The platform failed at this step for a reason of its own; its log names it."


def run(platform: Platform, plans: Mapping[OperationKind, Plan], uuid: str) -> None:
    """Run an operation as far as it goes; return at once when another worker holds it."""
    held = takeover.take(platform, uuid)
    if held is None:
        return
    # What an earlier attempt on this machine left running must not write beside this one.
    if held.epoch > 1 and (count := kill_marked(f"{held.uuid}-")):
        log.warning("processes of an earlier attempt were ended", operation=uuid, count=count)
    _remove_workdirs(platform, f"{uuid}-*")
    with Attempt(platform, held) as attempt:
        plan = plans[OperationKind(held.kind)]
        _go_on(attempt, replace(plan, steps=plan.over(slots_of(held.options))))
    # Only its own: a successor may be at work in another.
    _remove_workdirs(platform, f"{uuid}-{held.epoch}")
    _enqueue_next(platform, held.app_id)


def _remove_workdirs(platform: Platform, pattern: str) -> None:
    for folder in platform.folder("work").glob(pattern):
        shutil.rmtree(folder, ignore_errors=True)


def _enqueue_next(platform: Platform, app_id: int) -> None:
    """What the closing transaction left behind for this app (a destroy) begins at once."""
    with platform.store.read() as session:
        row = operations.active_of(session, app_id)
        if row is not None and row.state == OperationState.QUEUED and row.not_before is None:
            platform.queue.enqueue(row.id, row.uuid, row.epoch + 1)


def _go_on(attempt: Attempt, plan: Plan) -> None:
    try:
        _try_on(attempt, plan)
    except LeaseLost as error:
        log.warning("an attempt ended", reason=error.message, operation=attempt.held.uuid)


def _try_on(attempt: Attempt, plan: Plan) -> None:
    try:
        _advance(attempt, plan)
    except LeaseLost:
        raise
    except Cancelled as error:
        _cancel(attempt, error.message)
    except Stopping:
        pausing.let_go(attempt, delay=0.0, counts=False)
    except Unreachable as error:
        pausing.wait(attempt, error)
    except StepInterrupted as error:
        pausing.try_again(attempt, error.message)
    except Exception:
        # A fault that nobody foresaw must cost an attempt, not the operation.
        log.exception("an attempt failed", operation=attempt.held.uuid)
        pausing.try_again(attempt, INTERNAL)


def _advance(attempt: Attempt, plan: Plan) -> None:
    with attempt.platform.store.read() as session:
        operation = attempt.operation(session)
        state, error = operation.state, operation.error_message
        rows = {row.name: row for row in operations.steps_of(session, attempt.held.id)}
    attempt.records = {r.name: r.record for r in rows.values() if r.state == StepState.DONE}
    if state == OperationState.UNWINDING:
        _unwind(attempt, plan, error or INTERNAL)
        return
    for position, step in enumerate(plan.steps, 1):
        if step.name in attempt.records:
            continue
        attempt.slot = step.slot
        attempt.check()
        failure = _perform(attempt, step, position)
        if failure is not None:
            _unwind(attempt, plan, failure)
            return
    with attempt.write() as session:
        attempt.check_cancel()
        plan.succeed(attempt, session)
        operations.close(attempt.operation(session), OperationState.SUCCEEDED)


def _perform(attempt: Attempt, step: Step, position: int) -> str | None:
    """Do one step and record it; returns the sentence of its failure."""
    begun, spent = time.monotonic(), attempt.leash.child_seconds
    try:
        tries = _begin(attempt, step, position)
    except InvalidTransition as error:
        return error.message
    if tries > MOST_ATTEMPTS and not step.persistent:
        return pausing.given_up(attempt, step.name, MOST_ATTEMPTS)
    try:
        record = _do(attempt, step)
    except PaasError as error:
        if _goes_on(attempt, step, error):
            raise
        failure = attempt.journal.clean(error.message)
        if error.detail:
            log.info("a step failed", step=step.name, detail=attempt.journal.clean(error.detail))
        with attempt.write() as session:
            _record(attempt, session, step, StepState.FAILED, {}, begun, spent)
            if step.persistent:
                attempt.operation(session).error_message = failure
                attempt.app(session).error_message = failure
        if step.persistent:
            raise StepInterrupted(failure) from error
        return failure
    with attempt.write() as session:
        pausing.go_on(attempt.app(session))
        step.settle(attempt, session, record)
        _record(attempt, session, step, StepState.DONE, record, begun, spent)
    attempt.records[step.name] = record
    return None


def _goes_on(attempt: Attempt, step: Step, error: PaasError) -> bool:
    """Whether this ends the attempt, but not the operation."""
    if isinstance(error, Unreachable):
        return step.persistent or pausing.has_patience(attempt)
    return isinstance(error, Cancelled | Stopping | LeaseLost | StepInterrupted)


def _do(attempt: Attempt, step: Step) -> Record:
    takeover.settle(attempt, touches=step.touches)
    try:
        return step.do(attempt)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StepFailed(
            f"The platform's machine could not carry out the step {step.name}: {reason}",
            detail=repr(error),
        ) from error


def _begin(attempt: Attempt, step: Step, position: int) -> int:
    """Record that a step begins, before it does anything; returns which attempt this is."""
    with attempt.write() as session:
        attempt.check_cancel()
        row = session.get(StepRow, (attempt.held.id, step.name))
        if row is None:
            row = StepRow(
                operation_id=attempt.held.id, name=step.name, position=position, attempts=0
            )
            session.add(row)
        row.state = StepState.STARTED
        row.attempts += 1
        row.started_at = utcnow()
        if step.enters is not None:
            apps.set_state(session, attempt.app(session), step.enters)
        _mark_building(attempt, session)
        _tell(attempt, session, step.name, StepState.STARTED)
        return row.attempts


def _mark_building(attempt: Attempt, session: Session) -> None:
    if attempt.held.deployment_id is not None:
        deployment = session.get_one(Deployment, attempt.held.deployment_id)
        deployment.state = DeploymentState.BUILDING
        deployment.build_started_at = deployment.build_started_at or utcnow()


def _record(
    attempt: Attempt,
    session: Session,
    step: Step,
    state: StepState,
    record: Record,
    begun: float,
    spent: float,
) -> None:
    row = session.get_one(StepRow, (attempt.held.id, step.name))
    row.state = state
    row.record = record
    row.seconds = round(time.monotonic() - begun, 4)
    row.child_seconds = round(attempt.leash.child_seconds - spent, 4)
    _tell(attempt, session, step.name, state)


def _tell(attempt: Attempt, session: Session, name: str, state: str) -> None:
    """Add the step's new state to the app's stream."""
    events.append(
        session,
        attempt.held.app_id,
        [events.entry("step", name, state)],
        operation_id=attempt.held.id,
        epoch=attempt.held.epoch,
    )


def _unwind(attempt: Attempt, plan: Plan, error: str) -> None:
    """Undo the steps from the last to the first, then close the operation as failed."""
    attempt.say(f"failed: {error}")
    with attempt.write() as session:
        operation = attempt.operation(session)
        operation.state = OperationState.UNWINDING
        operation.error_message = error
        rows = {
            r.name: r.record
            for r in operations.steps_of(session, attempt.held.id)
            if r.state != StepState.UNDONE
        }
    for step in reversed(plan.steps):
        if step.name not in rows:
            continue
        attempt.check()
        attempt.slot = step.slot
        try:
            takeover.settle(attempt, touches=step.touches)
            step.undo(attempt, rows[step.name])
        except (Cancelled, Stopping, LeaseLost, StepInterrupted):
            raise
        except PaasError as problem:
            pausing.try_again(attempt, f"undoing {step.name} did not work: {problem.message}")
            return
        with attempt.write() as session:
            session.get_one(StepRow, (attempt.held.id, step.name)).state = StepState.UNDONE
            _tell(attempt, session, step.name, StepState.UNDONE)
    with attempt.write() as session:
        attempt.check_cancel()
        plan.fail(attempt, session, error)
        operations.close(attempt.operation(session), OperationState.FAILED, error)


def _cancel(attempt: Attempt, reason: str) -> None:
    """Close the operation and, in the same transaction, put the destroy in its place."""
    attempt.say(reason)
    with attempt.write() as session:
        operation = attempt.operation(session)
        operations.close(operation, OperationState.CANCELLED, reason)
        if attempt.held.deployment_id is not None:
            deployment = session.get_one(Deployment, attempt.held.deployment_id)
            deployment.state = DeploymentState.CANCELLED
            deployment.finished_at = utcnow()
        session.flush()
        destroy = add_destroy(session, attempt.app(session))
        if attempt.follows:
            # What was left under way must have ended before it can be seen to be gone.
            destroy.holder = lease.holder(attempt.platform.host, follows=True)


def add_destroy(session: Session, app: App) -> Operation:
    """The operation that removes an app and all that was made for it."""
    operation = Operation(
        tenant_id=app.tenant_id,
        app_id=app.id,
        kind=OperationKind.DESTROY,
        prior_state=AppState(app.state),
    )
    session.add(operation)
    session.flush()
    return operation
