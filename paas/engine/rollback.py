"""Going back to an earlier release: its code, its configuration, its environment."""

from sqlalchemy.orm import Session

from paas.domain.errors import StepFailed
from paas.engine import deploy
from paas.engine.archives import ensure_local
from paas.engine.attempt import Attempt, Record
from paas.engine.deploy import FINISH, ROLL_OUT, release_id
from paas.engine.steps import Plan, Step
from paas.store.models import Deployment, Release


def restore(attempt: Attempt) -> Record:
    """Find the release and its archive; a rollback that cannot be is told before anything moves."""
    with attempt.platform.store.read() as session:
        deployment = session.get_one(Deployment, attempt.held.deployment_id)
        release = session.get_one(Release, deployment.release_id)
    ensure_local(attempt, release.id)
    attempt.say(f"going back to version {release.number}, commit {release.sha[:12]}")
    return {"release": release.id, "number": release.number}


def verify(attempt: Attempt) -> Record:
    """See that the guest's address leads to that very release, and that it answers there."""
    spec = attempt.guest()
    release = attempt.release(release_id(attempt))
    served = attempt.target(spec).serves(spec)
    if served != release.number:
        raise StepFailed(f"after the switch the app serves version {served}, not {release.number}")
    deploy.wait_healthy(attempt, release)
    attempt.say(f"version {release.number} serves at http://{spec.address}:{spec.port}")
    return {"serves": served}


def succeed(attempt: Attempt, session: Session) -> None:
    """The app is what it was then; pushes do not undo that by themselves."""
    app = attempt.app(session)
    release = session.get_one(Release, release_id(attempt))
    for name, value in release.settings.items():
        setattr(app, name, value)
    if release.variables is not None:
        app.environment = release.variables
    app.auto_deploy = False
    deploy.succeed(attempt, session)


PLAN = Plan(
    (
        Step("restore", restore, touches=False),
        *ROLL_OUT,
        Step("verify", verify, each=True),
        FINISH,
    ),
    succeed,
    deploy.fail,
)
