"""Giving an operation back for a later attempt, and for how long the world is waited for."""

from paas.domain.errors import Unreachable
from paas.domain.states import StepState
from paas.engine.attempt import Attempt
from paas.store import operations
from paas.store.base import utcnow
from paas.store.models import App

LONGEST_DELAY = 300.0
LONGEST_WAIT = 30.0
WAITING = "waiting: "


def back_off(attempt: Attempt) -> float:
    """Seconds until the next attempt: they double with each."""
    return float(min(2 ** min(attempt.held.epoch, 9), LONGEST_DELAY))


def let_go(attempt: Attempt, *, delay: float, counts: bool = True) -> None:
    """Give the operation back; an attempt that does not count costs the step no try."""
    with attempt.write() as session:
        operations.let_go(session, attempt.operation(session), delay=delay)
        if not counts:
            for row in operations.steps_of(session, attempt.held.id):
                if row.state == StepState.STARTED:
                    row.attempts -= 1


def try_again(attempt: Attempt, reason: str) -> None:
    """Give the operation back for another try, and let the app say why."""
    reason = attempt.journal.clean(reason)
    attempt.say(f"{reason.rstrip('.')}; it will be tried again")
    with attempt.write() as session:
        app = attempt.app(session)
        if app.error_message != reason:
            app.error_message = f"{WAITING}{reason}"
    let_go(attempt, delay=back_off(attempt))


def given_up(attempt: Attempt, step: str, tries: int) -> str:
    """The sentence for a step that was tried too often, with what was last in its way."""
    with attempt.platform.store.read() as session:
        told = attempt.app(session).error_message or ""
    reason = f": {told.removeprefix(WAITING)}" if told.startswith(WAITING) else "."
    return f"The step {step} was tried {tries} times and never came to an end{reason}"


def wait(attempt: Attempt, reason: Unreachable) -> None:
    """Wait for the world outside, saying for what; this costs no try."""
    sentence = attempt.journal.clean(f"{WAITING}{reason.message}")
    attempt.say(sentence)
    with attempt.write() as session:
        attempt.app(session).error_message = sentence
    let_go(attempt, delay=min(back_off(attempt), LONGEST_WAIT), counts=False)


def go_on(app: App) -> None:
    """Take back the sentence that says what was waited for."""
    if app.error_message and app.error_message.startswith(WAITING):
        app.error_message = None


def has_patience(attempt: Attempt) -> bool:
    """Whether this operation is young enough to go on waiting for what does not answer."""
    with attempt.platform.store.read() as session:
        begun = attempt.operation(session).created_at
    age = (utcnow() - begun).total_seconds()
    return age < attempt.platform.settings.proxmox_patience
