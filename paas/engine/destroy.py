"""Removing an app and all that was made for it, in whatever state it is."""

import shutil

from sqlalchemy.orm import Session

from paas.domain.states import AppState
from paas.engine.attempt import Attempt, Record
from paas.engine.provision import destroy_guest
from paas.engine.steps import Plan, Step
from paas.store import apps, guests


def destroy(attempt: Attempt) -> Record:
    """Destroy every guest of the app that may exist, each proved gone before the next."""
    with attempt.platform.store.read() as session:
        keys = [g.id for g in guests.standing(session, attempt.held.app_id)]
    for key in keys:
        destroy_guest(attempt, key)
    return {"guests": len(keys)}


def forget(attempt: Attempt) -> Record:
    """Remove the archives of the app's releases."""
    folder = attempt.platform.folder("releases") / attempt.held.app_uuid
    if folder.exists():
        shutil.rmtree(folder)
    return {}


def succeed(attempt: Attempt, session: Session) -> None:
    """The app is deleted; its log is kept as long as all logs are."""
    app = attempt.app(session)
    app.error_message = None
    app.environment = attempt.platform.store.vault.seal_map({})
    apps.set_state(session, app, AppState.DELETED)


def fail(_attempt: Attempt, _session: Session, error: str) -> None:
    """Removing is never given up, so this is not reached."""
    raise AssertionError(f"a destroy was given up: {error}")


PLAN = Plan(
    (
        Step("destroy", destroy, persistent=True),
        Step("forget", forget, persistent=True, touches=False),
    ),
    succeed,
    fail,
)
