"""More or fewer replicas of an app, while it serves."""

from dataclasses import replace

from sqlalchemy.orm import Session

from paas.domain.errors import StepFailed
from paas.domain.routes import Upstream
from paas.engine import edge
from paas.engine.attempt import Attempt, Record
from paas.engine.deploy import ROLL_OUT
from paas.engine.power import keep_state
from paas.engine.provision import destroy_guest
from paas.engine.steps import Plan, Step
from paas.store import guests, usage


def resize(attempt: Attempt) -> Record:
    """Note the release that new replicas are to serve."""
    with attempt.platform.store.read() as session:
        app = attempt.app(session)
        if app.live_release_id is None:
            raise StepFailed("the app has no release that replicas could serve; deploy it first")
        return {"release": app.live_release_id, "before": app.replicas}


def leave_routing(attempt: Attempt, session: Session, _record: Record) -> None:
    """Replicas that are to go are taken from the edge before anything happens to them."""
    app = attempt.app(session)
    app.replicas = min(app.replicas, _wanted(attempt))
    usage.resize(session, app)


def come_back(attempt: Attempt, record: Record) -> None:
    """The replicas that were to go serve on."""
    if "before" in record:
        with attempt.write() as session:
            app = attempt.app(session)
            app.replicas = record["before"]
            usage.resize(session, app)


def drain(attempt: Attempt) -> Record:
    """Let the edge forget the replicas that go, and end what they still answer."""
    with attempt.platform.store.read() as session:
        standing = guests.standing(session, attempt.held.app_id)
    going = [g for g in standing if g.slot > _wanted(attempt)]
    leaving = [Upstream(g.address, g.port) for g in going if g.address]
    if leaving and not edge.drain(attempt.platform, leaving, wait=attempt.pause):
        attempt.say("replicas that go were still answering; what is not done by now is cut off")
    return {}


def shrink(attempt: Attempt) -> Record:
    """Destroy the replicas beyond the number, each proved gone before the next."""
    with attempt.platform.store.read() as session:
        standing = guests.standing(session, attempt.held.app_id)
        keys = [g.id for g in reversed(standing) if g.slot > _wanted(attempt)]
    for key in keys:
        destroy_guest(attempt, key)
    return {"guests": len(keys)}


def _wanted(attempt: Attempt) -> int:
    number: int = attempt.held.options["replicas"]
    return number


def succeed(attempt: Attempt, session: Session) -> None:
    """The app has as many replicas as asked."""
    app = attempt.app(session)
    app.replicas = _wanted(attempt)
    usage.resize(session, app)
    app.error_message = None
    for guest in guests.standing(session, app.id):
        guest.release_id = app.live_release_id


# The app serves all the while, so its state stays as it is.
GROW = tuple(replace(step, enters=None) for step in ROLL_OUT)
PLAN = Plan(
    (
        Step("resize", resize, undo=come_back, settle=leave_routing, touches=False),
        *GROW,
        Step("drain", drain, touches=False),
        Step("shrink", shrink, persistent=True),
    ),
    succeed,
    keep_state,
)
