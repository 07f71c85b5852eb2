"""Ending an app without losing it, and starting it again."""

from sqlalchemy.orm import Session

from paas.domain.errors import StepFailed
from paas.domain.specs import ReleaseSpec
from paas.domain.states import AppState
from paas.engine.attempt import Attempt, Record
from paas.engine.deploy import meet, wait_healthy
from paas.engine.steps import Conclude, Plan, Step
from paas.store import apps
from paas.targets.contract import Presence


def halt(attempt: Attempt) -> Record:
    """End the app, by force if it does not end by itself; its guest and data stay.

    A guest that is gone serves nothing any more: that keeps no other from being stopped.
    """
    spec = attempt.guest()
    target = attempt.target(spec)
    if target.observe(spec) is Presence.ABSENT:
        attempt.say(f"guest {spec.vmid} is gone, so there is nothing to stop")
        return {}
    target.stop(spec)
    attempt.say("the app is stopped")
    return {}


def go_on(attempt: Attempt, _record: Record) -> None:
    """An app that could not be stopped as a whole serves on as a whole."""
    with attempt.platform.store.read() as session:
        if attempt.operation(session).prior_state != AppState.RUNNING:
            return
    spec = attempt.guest()
    target = attempt.target(spec)
    if target.observe(spec) is Presence.OURS:
        target.start(spec)


def shut_down(attempt: Attempt) -> Record:
    """End the app, never by force."""
    spec = attempt.guest()
    attempt.target(spec).shutdown(spec, attempt.platform.settings.stop_timeout)
    attempt.say("the app is shut down")
    return {}


def start(attempt: Attempt) -> Record:
    """Start the live release again and wait for it."""
    spec = attempt.guest()
    attempt.target(spec).start(spec)
    meet(attempt)
    return wait_healthy(attempt, live_release(attempt))


def restart(attempt: Attempt) -> Record:
    """End the app and its guest, start both and wait for the live release."""
    release = live_release(attempt)
    spec = attempt.guest()
    attempt.target(spec).restart(spec)
    meet(attempt)
    return wait_healthy(attempt, release)


def live_release(attempt: Attempt) -> ReleaseSpec:
    """The release that serves, or would; raises ``StepFailed`` when there is none."""
    with attempt.platform.store.read() as session:
        live = attempt.app(session).live_release_id
    if live is None:
        raise StepFailed("the app has no release that could be started; deploy it again")
    return attempt.release(live)


def stop_again(attempt: Attempt, _record: Record) -> None:
    """An app that does not answer is not left half running."""
    halt(attempt)


def reach(state: AppState) -> Conclude:
    """The end of a work after which the app is in this state."""

    def conclude(attempt: Attempt, session: Session) -> None:
        app = attempt.app(session)
        app.wanted = state
        app.error_message = None
        apps.set_state(session, app, state)

    return conclude


def keep_state(attempt: Attempt, session: Session, error: str) -> None:
    """The app is as it was; the sentence says why."""
    attempt.app(session).error_message = error


def leave_stopped(attempt: Attempt, session: Session, error: str) -> None:
    """The app did not come up again, and was stopped."""
    app = attempt.app(session)
    app.error_message = error
    apps.set_state(session, app, AppState.STOPPED)


def suspended(attempt: Attempt, session: Session) -> None:
    """The app is kept from serving until an administrator says otherwise."""
    app = attempt.app(session)
    app.resumes_to = attempt.operation(session).prior_state
    app.wanted = AppState.STOPPED
    app.error_message = None
    apps.set_state(session, app, AppState.SUSPENDED)


def resumed(attempt: Attempt, session: Session) -> None:
    """The app serves as before it was suspended."""
    attempt.app(session).resumes_to = None
    reach(AppState.RUNNING)(attempt, session)


HALT = Step("halt", halt, undo=go_on, each=True)
START_AGAIN = Step("start", start, undo=stop_again, each=True)
STOP = Plan((HALT,), reach(AppState.STOPPED), keep_state)
SHUTDOWN = Plan(
    (Step("shutdown", shut_down, undo=go_on, each=True),), reach(AppState.STOPPED), keep_state
)
START = Plan((START_AGAIN,), reach(AppState.RUNNING), keep_state)
RESTART = Plan(
    (Step("restart", restart, undo=stop_again, each=True),),
    reach(AppState.RUNNING),
    leave_stopped,
)
SUSPEND = Plan((HALT,), suspended, keep_state)
RESUME = Plan((START_AGAIN,), resumed, keep_state)
