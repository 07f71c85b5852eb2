"""Bringing a release live, the first one or a newer one beside it."""

import time
from collections.abc import Sequence

from sqlalchemy.orm import Session

from paas.domain.errors import StepFailed, StepInterrupted
from paas.domain.specs import ReleaseSpec
from paas.domain.states import AppState, DeploymentState
from paas.engine.archives import ensure_local
from paas.engine.attempt import Attempt, Record
from paas.engine.fetch import drop_archive, fetch, make_release
from paas.engine.provision import (
    provision,
    serving_release,
    settle_guest,
    stood_before,
    unprovision,
)
from paas.engine.reserve import give_back, reserve
from paas.engine.steps import Plan, Step, slots_of
from paas.store import apps, guests, releases
from paas.store.base import utcnow
from paas.store.models import App, Deployment, Release
from paas.tools.ansible import build_extravars

LOOK_SECONDS = 0.05
CONNECT_SECONDS = 180.0


def connect(attempt: Attempt) -> Record:
    """Wait until the guest can be configured."""
    spec = attempt.guest()
    contact = attempt.target(spec).wait_ready(spec, CONNECT_SECONDS)
    return {"address": contact.address, "host_key": contact.host_key}


def meet(attempt: Attempt) -> None:
    """The same, kept at once: a guest that was started again may have another address."""
    contact = connect(attempt)
    with attempt.write() as session:
        settle_contact(attempt, session, contact)


def settle_contact(attempt: Attempt, session: Session, record: Record) -> None:
    """Keep what the first contact taught: from then on nothing else is accepted."""
    guest = attempt.standing_row(session)
    guest.address = record["address"] or guest.address
    guest.host_key = record["host_key"] or guest.host_key


def rest_again(attempt: Attempt, _record: Record) -> None:
    """A guest that was started for a release which failed rests again, as its app does."""
    if serving_release(attempt) is not None and _was_stopped(attempt):
        spec = attempt.guest()
        attempt.target(spec).stop(spec)


def _was_stopped(attempt: Attempt) -> bool:
    with attempt.platform.store.read() as session:
        return attempt.operation(session).prior_state == AppState.STOPPED


def snapshot(attempt: Attempt) -> Record:
    """Keep a guest that serves as it is, where the operator asked for it and its storage can."""
    platform = attempt.platform
    if not platform.settings.snapshots or serving_release(attempt) is None:
        return {}
    spec = attempt.guest()
    name = f"paas-{attempt.held.uuid[:8]}"
    if attempt.target(spec).snapshot(spec, name):
        attempt.say(f"snapshot {name} was taken")
        attempt.target(spec).prune_snapshots(spec, platform.settings.snapshots)
        return {"snapshot": name}
    attempt.say("the guest's storage cannot take snapshots, so there is none")
    return {}


def restore(attempt: Attempt, record: Record) -> None:
    """Bring the guest back to before the failed release, where the operator chose so."""
    name = record.get("snapshot")
    if name is None or not attempt.platform.settings.snapshot_restore:
        return
    spec = attempt.guest()
    target = attempt.target(spec)
    attempt.say(f"the guest goes back to snapshot {name}")
    target.restore(spec, name)
    target.wait_ready(spec, CONNECT_SECONDS)
    live = serving_release(attempt)
    if live is None or _was_stopped(attempt):
        return
    try:
        wait_healthy(attempt, attempt.release(live))
    except StepFailed as error:
        # The guest is as it was before; going back once more would not make it better.
        attempt.say(f"the release that served before is back, but: {error.message}")


def configure(attempt: Attempt) -> Record:
    """Install the release with Ansible and start it beside the one that serves."""
    ensure_local(attempt, release_id(attempt))
    spec, release = attempt.guest(), _release(attempt)
    target = attempt.target(spec)
    connection = target.connection(spec)
    attempt.playbook().meet(connection)
    given = target.variables(spec, release)
    variables = build_extravars(given, release.plan, release.environment)
    attempt.take_playbook().run(variables, connection)
    return {"release": release.number}


def mark_built(attempt: Attempt, session: Session, _record: Record) -> None:
    """Note when the release was installed."""
    if attempt.held.deployment_id is not None:
        deployment = session.get_one(Deployment, attempt.held.deployment_id)
        deployment.build_completed_at = utcnow()


def release_id(attempt: Attempt) -> int:
    """The release that this operation brings live, or that its new guests join in serving."""
    for step in ("fetch", "restore", "resize"):
        if step in attempt.records:
            found: int = attempt.records[step]["release"]
            return found
    raise StepFailed("this operation has no release to install")


def _release(attempt: Attempt) -> ReleaseSpec:
    return attempt.release(release_id(attempt))


def remove_release(attempt: Attempt, _record: Record) -> None:
    """End the failed release; what served before serves on. A new guest goes as a whole."""
    if not stood_before(attempt):
        return
    spec = attempt.guest()
    attempt.target(spec).retire(spec, _release(attempt))


def check(attempt: Attempt) -> Record:
    """Look at the release until it answers, says that it never will, or time is up."""
    return wait_healthy(attempt, _release(attempt))


def wait_healthy(attempt: Attempt, release: ReleaseSpec) -> Record:
    """Wait for a release to answer below 500; raises ``StepFailed`` with what it lacks."""
    spec = attempt.guest()
    target = attempt.target(spec)
    limit = attempt.platform.settings.health_timeout
    end = time.monotonic() + limit
    while True:
        attempt.check()
        health = target.health(spec, release)
        if health.ready:
            attempt.log("health", health.reason)
            return {}
        if health.fatal:
            raise StepFailed(f"The app does not start: {health.reason}")
        if time.monotonic() > end:
            raise StepFailed(f"The app did not answer within {limit} s: {health.reason}")
        time.sleep(LOOK_SECONDS)


def switch(attempt: Attempt) -> Record:
    """Let the release serve at the guest's address."""
    spec, release = attempt.guest(), _release(attempt)
    attempt.target(spec).switch(spec, release)
    attempt.say(f"release {release.number} serves at http://{spec.address}:{spec.port}")
    return {}


def switch_back(attempt: Attempt, _record: Record) -> None:
    """Let the release that served before serve again."""
    live = serving_release(attempt)
    if live is None:
        return
    spec = attempt.guest()
    attempt.target(spec).switch(spec, attempt.release(live))


def finish(attempt: Attempt) -> Record:
    """Remove releases that nobody needs any more."""
    platform = attempt.platform
    keep = platform.settings.releases_kept
    live = release_id(attempt)
    with platform.store.read() as session:
        kept, old = releases.kept_and_superseded(session, attempt.held.app_id, live, keep)
    folder = platform.folder("releases") / attempt.held.app_uuid
    try:
        for slot in slots_of(attempt.held.options):
            attempt.slot = slot
            _tidy_guest(attempt, kept, old)
    except (StepFailed, StepInterrupted) as error:
        # The new release serves; what was not tidied up now will be after the next one.
        attempt.say(f"older releases could not be removed: {error.message}")
        return {"removed": []}
    for row in old:
        (folder / row.archive).unlink(missing_ok=True)
    return {"removed": [row.id for row in old]}


def _tidy_guest(attempt: Attempt, kept: Sequence[Release], old: Sequence[Release]) -> None:
    spec = attempt.guest()
    target = attempt.target(spec)
    for row in old:
        target.retire(spec, attempt.release(row.id))
    target.tidy(spec, [attempt.release(row.id) for row in kept])


def forget_archives(_attempt: Attempt, session: Session, record: Record) -> None:
    """Say in the rows which archives are gone."""
    for key in record["removed"]:
        session.get_one(Release, key).archive = ""


def succeed(attempt: Attempt, session: Session) -> None:
    """The release is live."""
    app = attempt.app(session)
    app.live_release_id = release_id(attempt)
    for guest in guests.standing(session, app.id):
        guest.release_id = app.live_release_id
    app.deployed_at = utcnow()
    app.error_message = None
    app.wanted = AppState.RUNNING
    apps.set_state(session, app, AppState.RUNNING)
    _close_deployment(attempt, session, DeploymentState.DEPLOYED, None)


def fail(attempt: Attempt, session: Session, error: str) -> None:
    """A first deployment has failed as a whole; a later one leaves things as they were."""
    app = attempt.app(session)
    app.error_message = error
    apps.set_state(session, app, _state_after_failure(attempt, session, app))
    _close_deployment(attempt, session, DeploymentState.FAILED, error)


def _state_after_failure(attempt: Attempt, session: Session, app: App) -> AppState:
    prior = AppState(attempt.operation(session).prior_state)
    if app.live_release_id is None or not guests.standing(session, app.id):
        return AppState.FAILED
    return prior if prior in (AppState.RUNNING, AppState.STOPPED) else AppState.FAILED


def _close_deployment(
    attempt: Attempt, session: Session, state: DeploymentState, error: str | None
) -> None:
    deployment = session.get_one(Deployment, attempt.held.deployment_id)
    deployment.state = state
    deployment.error_message = error
    deployment.finished_at = utcnow()


ROLL_OUT = (
    Step("reserve", reserve, undo=give_back, touches=False, each=True),
    Step("provision", provision, undo=unprovision, settle=settle_guest, each=True),
    Step("connect", connect, undo=rest_again, settle=settle_contact, each=True),
    Step("snapshot", snapshot, undo=restore, each=True),
    Step(
        "configure",
        configure,
        undo=remove_release,
        settle=mark_built,
        enters=AppState.DEPLOYING,
        each=True,
    ),
    Step("check", check, each=True),
    Step("switch", switch, undo=switch_back, each=True),
)
FINISH = Step("finish", finish, settle=forget_archives)
PLAN = Plan(
    (
        Step("fetch", fetch, undo=drop_archive, settle=make_release, touches=False),
        *ROLL_OUT,
        FINISH,
    ),
    succeed,
    fail,
)
