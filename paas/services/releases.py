"""Bringing versions live: the newest commit, a certain one, an earlier version again."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from paas.domain.errors import Conflict, Invalid
from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.domain.states import DeploymentState, OperationKind
from paas.domain.views import (
    AttemptPage,
    DeploymentView,
    OperationView,
    RollbackView,
    SettingChange,
)
from paas.engine import works
from paas.engine.platform import Platform
from paas.services import listing
from paas.services.allowed import needs
from paas.services.apps import find
from paas.store.models import App, Deployment, Release

# What a release keeps besides its variables, in which a person sees a difference.
SHOWN_SETTINGS = ("framework", "buildpack", "branch", "start_command", "health_path")


@needs(Permission.APPS_DEPLOY)
def deploy(
    platform: Platform, actor: Actor, app_id: str, *, commit: str | None = None
) -> OperationView:
    """Bring the newest commit of the branch live, or ``commit``; ``Conflict`` while busy."""
    with platform.store.write() as session:
        app = find(session, actor, app_id, lock=True)
        first = app.live_release_id is None
        kind = OperationKind.DEPLOY if first else OperationKind.REDEPLOY
        begun = works.add_work(session, actor, app, kind, ref=commit)
    return works.enqueue(platform, begun)


@needs(Permission.APPS_READ)
def attempts(
    platform: Platform, actor: Actor, app_id: str, *, limit: int = 1000, before: str | None = None
) -> AttemptPage:
    """Attempts to bring versions live, newest first; ``before`` is a page's cursor."""
    older = listing.cursor_key(before)
    with platform.store.read() as session:
        app = find(session, actor, app_id)
        query = (
            select(Deployment, Release)
            .outerjoin(Release, Release.id == Deployment.release_id)
            .where(Deployment.app_id == app.id)
            .order_by(Deployment.id.desc())
            .limit(limit + 1)
        )
        if older is not None:
            query = query.where(Deployment.id < older)
        rows = session.execute(query).all()
    shown = rows[:limit]
    more = str(shown[-1][0].id) if len(rows) > limit else None
    return AttemptPage(tuple(_view(attempt, release) for attempt, release in shown), more)


def _view(attempt: Deployment, release: Release | None) -> DeploymentView:
    is_live = attempt.state == DeploymentState.DEPLOYED
    return DeploymentView(
        id=attempt.uuid,
        version=release.number if release else None,
        git_commit=release.sha if release else attempt.ref,
        state=DeploymentState(attempt.state),
        triggered_by=attempt.triggered_by,
        error_message=attempt.error_message,
        created_at=attempt.created_at,
        build_started_at=attempt.build_started_at,
        build_completed_at=attempt.build_completed_at,
        deployed_at=attempt.finished_at if is_live else None,
    )


@needs(Permission.APPS_DEPLOY)
def rollback(
    platform: Platform, actor: Actor, app_id: str, version: int, *, force: bool = False
) -> OperationView:
    """Bring an earlier version back: its code, configuration and environment.

    ``Invalid`` for a version that never served, ``Conflict`` while the app is busy, and past a
    migration unless ``force`` is set: what it did to the data is not taken back.
    """
    with platform.store.write() as session:
        app = find(session, actor, app_id, lock=True)
        release = _served(session, app, version)
        told = _refusal(app, release) or ("" if force else _past_migrations(session, app, release))
        if told:
            raise Conflict(told)
        begun = works.add_work(
            session,
            actor,
            app,
            OperationKind.ROLLBACK,
            release_id=release.id,
            options={"version": version},
        )
    return works.enqueue(platform, begun)


def _served(session: Session, app: App, version: int) -> Release:
    found = session.scalar(
        select(Release)
        .join(Deployment, Deployment.release_id == Release.id)
        .where(
            Release.app_id == app.id,
            Release.number == version,
            Deployment.state == DeploymentState.DEPLOYED,
        )
    )
    if found is None:
        raise Invalid([f"Invalid version. There is no version {version} that ever served"])
    return found


def _refusal(app: App, release: Release) -> str:
    """Why nobody can go back to this release; empty when one can."""
    if release.id == app.live_release_id:
        return f"Version {release.number} is the one that serves"
    if not release.archive and release.stored_at is None:
        return (
            f"The source of version {release.number} is no longer kept. Deploy its commit "
            f"{release.sha[:12]} instead"
        )
    return ""


def _past_migrations(session: Session, app: App, target: Release) -> str:
    """A sentence when a newer release that changed the data stands between: that is not undone
    silently."""
    live = session.get(Release, app.live_release_id) if app.live_release_id else None
    if live is None:
        return ""
    between = session.scalars(
        select(Release).where(
            Release.app_id == app.id, Release.number > target.number, Release.number <= live.number
        )
    )
    migrated = sorted(release.number for release in between if release.plan.get("release"))
    if not migrated:
        return ""
    return (
        f"Version {migrated[0]} ran migrations, and going back to {target.number} does not "
        "undo them. Send force: true if the older code can work with the data as they are"
    )


@needs(Permission.APPS_DEPLOY)
def difference(platform: Platform, actor: Actor, app_id: str, version: int) -> RollbackView:
    """What going back to a version would change; raises ``Invalid`` for one that never served.

    Of variables it has the names. What was set since the last deployment counts as there now,
    because a rollback replaces that too.
    """
    with platform.store.read() as session:
        app = find(session, actor, app_id)
        release = _served(session, app, version)
        live = session.get(Release, app.live_release_id) if app.live_release_id else None
        now = platform.store.vault.open_map(app.environment)
        then = platform.store.vault.open_map(release.variables) if release.variables else now
        return RollbackView(
            version=version,
            serves=live.number if live else None,
            commit_now=live.sha if live else None,
            commit_then=release.sha,
            settings=_changed_settings(app, release),
            added=tuple(sorted(then.keys() - now.keys())),
            removed=tuple(sorted(now.keys() - then.keys())),
            changed=tuple(sorted(k for k in now.keys() & then.keys() if now[k] != then[k])),
            ends_auto_deploy=app.auto_deploy,
            refusal=_refusal(app, release),
            migrated=_past_migrations(session, app, release),
        )


def _changed_settings(app: App, release: Release) -> tuple[SettingChange, ...]:
    pairs = {
        name: (getattr(app, name) or "", then or "")
        for name, then in release.settings.items()
        if name in SHOWN_SETTINGS
    }
    return tuple(
        SettingChange(name, str(now), str(then))
        for name, (now, then) in pairs.items()
        if now != then
    )
