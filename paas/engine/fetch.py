"""From a repository to a release: resolve the commit, pack it, decide how it is built."""

import json
import os
import shutil
from pathlib import Path

from sqlalchemy.orm import Session

from paas.domain.errors import StepFailed
from paas.domain.specs import AUTO, BuildPlan
from paas.domain.states import AppState
from paas.engine.attempt import Attempt, Record
from paas.frameworks import buildpacks
from paas.frameworks.detect import Overrides, make_plan
from paas.store import apps, guests, releases
from paas.store.base import utcnow
from paas.store.models import App, Deployment, Release
from paas.tools.archive import ArchiveTree
from paas.tools.git import Git
from paas.tools.git_access import Access

MEGABYTE = 1024 * 1024
# What of an app's configuration belongs to a release, and comes back with a rollback to it.
SETTINGS = ("framework", "buildpack", "branch", "start_command", "health_path", "variables")


def fetch(attempt: Attempt) -> Record:
    """Fetch and pack the source; a repository that is missing costs no guest."""
    attempt.warm_up()
    platform = attempt.platform
    with platform.store.read() as session:
        app = attempt.app(session)
        deployment = _deployment(attempt, session)
        session.expunge_all()
    git = Git(
        attempt.bench(),
        platform.folder("git"),
        limit=platform.settings.source_limit_mb * MEGABYTE,
        mirror=platform.settings.git_mirror,
        hosts=platform.settings.git_hosts,
        access=_access(attempt, app),
        secrets=attempt.workdir / "git",
    )
    packed = attempt.workdir / "source.tar.gz"
    source = git.fetch(app.repository, branch=app.branch, ref=deployment.ref)
    tree = git.pack(source, packed)
    framework = _framework(attempt, app, tree)
    plan = _plan(attempt, framework, tree, Overrides(app.start_command, app.health_path))
    _refuse(attempt, app.guest_type, plan)
    folder = platform.folder("releases") / app.uuid
    folder.mkdir(mode=0o700, exist_ok=True)
    # The name is the operation's, so a second run of this step replaces what the first left.
    name = f"{attempt.held.uuid}.tar.gz"
    shutil.move(packed, folder / name)
    _sync(folder / name)
    return {"sha": source.sha, "archive": name, "plan": releases.plan_to_json(plan)}


def _access(attempt: Attempt, app: App) -> Access | None:
    """How the app's repository is read, where it is private; no log line shows the secret."""
    if app.credential is None:
        return None
    kept = json.loads(attempt.platform.store.vault.open(app.credential))
    attempt.journal.hide([kept["secret"]])
    return Access(
        kept["kind"],
        app.repository,
        app.uuid,
        kept["secret"],
        kept.get("username", ""),
        kept.get("port", 22),
    )


def _deployment(attempt: Attempt, session: Session) -> Deployment:
    if attempt.held.deployment_id is None:
        raise StepFailed("this operation brings no release live")
    return session.get_one(Deployment, attempt.held.deployment_id)


def _framework(attempt: Attempt, app: App, tree: ArchiveTree) -> str:
    """The framework that was named, or that the repository shows."""
    if app.framework != AUTO:
        return app.framework
    found = buildpacks.choose(attempt.platform.catalogue, app.buildpack, tree)
    attempt.say(f"this is {attempt.platform.catalogue[found].name}, by what the repository holds")
    return found


def _plan(attempt: Attempt, framework: str, tree: ArchiveTree, overrides: Overrides) -> BuildPlan:
    catalogue = attempt.platform.catalogue
    if framework not in catalogue:
        raise StepFailed(f"the framework {framework} is no longer in the catalogue")
    plan = make_plan(catalogue[framework], tree, overrides)
    for reason in plan.reasons:
        attempt.say(reason)
    return plan


def _refuse(attempt: Attempt, guest_type: str, plan: BuildPlan) -> None:
    refusals = attempt.platform.target_for(guest_type).plan_refusals(plan)
    if refusals:
        raise StepFailed(" ".join(refusals))


def _sync(path: Path) -> None:
    """The archive must be on disk before the row that names it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def drop_archive(attempt: Attempt, record: Record) -> None:
    """Remove the archive of a release that never served; its row keeps the commit."""
    folder = attempt.platform.folder("releases") / attempt.held.app_uuid
    (folder / f"{attempt.held.uuid}.tar.gz").unlink(missing_ok=True)
    if "release" in record:
        with attempt.write() as session:
            session.get_one(Release, record["release"]).archive = ""


def _learn(attempt: Attempt, app: App, key: str) -> None:
    """What a framework brings is given to an app whose framework the repository says."""
    if app.framework != AUTO:
        return
    framework, vault = attempt.platform.catalogue[key], attempt.platform.store.vault
    if app.live_release_id is None:
        # The port of a guest stays; an app is told it, whatever its framework's own is.
        app.port = framework.port
    own = vault.open_map(app.environment)
    made = {name: text for name, text in framework.new_secrets().items() if name not in own}
    app.environment = vault.seal_map({**made, **own})
    now = f"{utcnow():%Y-%m-%dT%H:%M:%SZ}"
    app.variables = {
        **app.variables,
        **{name: {"is_system": True, "created_at": now} for name in made},
    }


def make_release(attempt: Attempt, session: Session, record: Record) -> None:
    """Write the release in the transaction that ends the fetch."""
    # Locked: variables that are set at this moment come before or after, and are not lost.
    app = session.get_one(App, attempt.held.app_id, with_for_update=True, populate_existing=True)
    _learn(attempt, app, record["plan"]["framework"])
    environment = attempt.platform.store.vault.open_map(app.environment)
    release = Release(
        app_id=app.id,
        number=apps.next_release_number(session, app.id),
        sha=record["sha"],
        archive=record["archive"],
        plan=record["plan"],
        environment=attempt.platform.store.vault.seal_map(
            {**record["plan"]["environment"], **environment}
        ),
        settings={name: getattr(app, name) for name in SETTINGS},
        variables=app.environment,
    )
    session.add(release)
    session.flush()
    _deployment(attempt, session).release_id = release.id
    if not guests.standing(session, app.id):
        apps.set_state(session, app, AppState.PROVISIONING)
    record["release"] = release.id
    record["number"] = release.number
    del record["plan"]
