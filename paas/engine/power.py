"""Ending an app without losing it, and starting it again."""

from sqlalchemy.orm import Session

from paas.domain.errors import StepFailed
from paas.domain.specs import ReleaseSpec
from paas.domain.states import AppState
from paas.engine.attempt import Attempt, Record
from paas.engine.deploy import wait_healthy
from paas.engine.steps import Conclude, Plan, Step
from paas.store import apps


def halt(attempt: Attempt) -> Record:
    """End the app; its guest and data stay."""
    spec = attempt.guest()
    attempt.target(spec).stop(spec)
    attempt.say("the app is stopped")
    return {}


def start(attempt: Attempt) -> Record:
    """Start the live release again and wait for it."""
    spec = attempt.guest()
    attempt.target(spec).start(spec)
    return wait_healthy(attempt, _live(attempt))


def _live(attempt: Attempt) -> ReleaseSpec:
    with attempt.platform.store.read() as session:
        live = attempt.app(session).live_release_id
    if live is None:
        raise StepFailed("the app has no release that could be started; deploy it again")
    return attempt.release(live)


def stop_again(attempt: Attempt, _record: Record) -> None:
    """An app that does not answer is not left half running."""
    halt(attempt)


def _reach(state: AppState) -> Conclude:
    def conclude(attempt: Attempt, session: Session) -> None:
        app = attempt.app(session)
        app.wanted = state
        app.error_message = None
        apps.set_state(session, app, state)

    return conclude


def keep_state(attempt: Attempt, session: Session, error: str) -> None:
    """The app is as it was; the sentence says why."""
    attempt.app(session).error_message = error


STOP = Plan((Step("halt", halt),), _reach(AppState.STOPPED), keep_state)
START = Plan((Step("start", start, undo=stop_again),), _reach(AppState.RUNNING), keep_state)
