"""Automatic deployments: a git host says, signed, that a branch was pushed to."""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from paas.domain.errors import Conflict, NotFound, Unauthenticated
from paas.domain.permissions import Permission
from paas.domain.specs import Actor, Push
from paas.domain.states import AppState
from paas.engine.platform import Platform
from paas.engine.pushes import NEVER, deploy_or_wait
from paas.engine.works import enqueue
from paas.services.allowed import needs
from paas.services.apps import find
from paas.services.listing import known_form
from paas.store import apps, audit
from paas.store.models import App

REFUSED = "This push is not signed with the secret of an application"


@dataclass(frozen=True)
class PushAddress:
    """Where a git host is to send pushes, below the platform's own address; ``secret`` is shown
    this once."""

    path: str
    secret: str


@dataclass(frozen=True)
class Taken:
    """What became of a push; ``deploys`` is whether it brings a release live, now or later."""

    says: str
    deploys: bool


@needs(Permission.APPS_DEPLOY)
def enable(platform: Platform, actor: Actor, app_id: str) -> PushAddress:
    """Let pushes deploy the app from now on, under a new secret; an older one ends."""
    secret = secrets.token_urlsafe(32)
    with platform.store.write() as session:
        app = find(session, actor, app_id, lock=True)
        app.webhook_secret = platform.store.vault.seal(secret.encode())
        app.auto_deploy = True
        audit.record(session, actor, "push.enable", "app", app.uuid)
        return PushAddress(f"/api/hooks/push/{app.uuid}", secret)


@needs(Permission.APPS_DEPLOY)
def disable(platform: Platform, actor: Actor, app_id: str) -> None:
    """Take no pushes any more; raises ``Conflict`` when none were taken."""
    with platform.store.write() as session:
        app = find(session, actor, app_id, lock=True)
        if app.webhook_secret is None:
            raise Conflict("This application takes no pushes")
        app.webhook_secret = None
        app.auto_deploy = False
        app.waiting_push = None
        audit.record(session, actor, "push.disable", "app", app.uuid)


def signed_with(signature: str, body: bytes) -> Callable[[bytes], bool]:
    """Whether a signature (hex of an HMAC with SHA-256) is of this body, for a secret."""
    return lambda secret: hmac.compare_digest(
        hmac.new(secret, body, sha256).hexdigest().encode(), signature.lower().encode()
    )


def shown_as(token: str) -> Callable[[bytes], bool]:
    """Whether a token is the secret itself, as GitLab shows it."""
    return lambda secret: hmac.compare_digest(secret, token.encode())


def check(platform: Platform, app_id: str, proves: Callable[[bytes], bool]) -> None:
    """Raise ``Unauthenticated`` unless the request proves that it knows the app's secret.

    An app that does not exist, or takes no pushes, is refused in the same words.
    """
    with platform.store.read() as session:
        try:
            sealed = apps.find_any(session, known_form(app_id)).webhook_secret
        except NotFound:
            sealed = None
    # A secret that nobody knows stands in, so that the answer takes as long for every app.
    secret = platform.store.vault.open(sealed) if sealed else secrets.token_bytes(32)
    if not proves(secret):
        raise Unauthenticated(REFUSED)


def take(platform: Platform, app_id: str, push: Push) -> Taken:
    """Act on a push whose request ``check`` has let in."""
    with platform.store.write() as session:
        app = apps.find_any(session, known_form(app_id), lock=True)
        reason = _why_not(app, push)
        if reason:
            return Taken(reason, deploys=False)
        begun = deploy_or_wait(session, app, push.commit, f"push by {push.by}"[:255])
        is_stopped = app.state == AppState.STOPPED
    if begun is None:
        word = (
            "stopped; this is deployed when it is started"
            if is_stopped
            else ("busy; this is deployed when it is free")
        )
        return Taken(f"The application is {word}", deploys=True)
    enqueue(platform, begun)
    return Taken(f"Commit {push.commit[:12]} is being deployed", deploys=True)


def _why_not(app: App, push: Push) -> str:
    if app.state in NEVER:
        word = "deleted" if app.state == AppState.DELETED else "suspended"
        return f"The application is {word}"
    if not app.auto_deploy:
        return "Automatic deployments of this application are switched off"
    followed = app.branch or push.default_branch
    if not push.commit.strip("0"):
        return f"The branch {push.branch} was removed"
    if push.branch != followed:
        return f"The application follows the branch {followed}, not {push.branch}"
    return ""
