"""How an app's private repository is read: a deploy key of the platform's making, or a token."""

import json
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services.allowed import needs
from paas.services.apps import find
from paas.store import audit
from paas.store.base import utcnow
from paas.store.models import App
from paas.tools.git_access import KEY, TOKEN


@dataclass(frozen=True)
class CredentialView:
    """What is known of an app's credential: never the secret. ``public_key`` is for a deploy key,
    in the form in which git hosts take it."""

    kind: str
    public_key: str | None = None
    username: str | None = None


@needs(Permission.APPS_WRITE)
def make_key(platform: Platform, actor: Actor, app_id: str, *, port: int = 22) -> CredentialView:
    """Make a new deploy key; the one before, or a token, is forgotten."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    with platform.store.write() as session:
        app = find(session, actor, app_id, lock=True)
        shown = f"{public} paas-{app.slug}"
        _keep(platform, app, {"kind": KEY, "secret": private, "public": shown, "port": port})
        audit.record(session, actor, "credential.set", "app", app.uuid, credential=KEY)
    return CredentialView(KEY, public_key=shown)


@needs(Permission.APPS_WRITE)
def set_token(
    platform: Platform, actor: Actor, app_id: str, token: str, *, username: str = ""
) -> CredentialView:
    """Read the repository with a token that the git host has issued."""
    with platform.store.write() as session:
        app = find(session, actor, app_id, lock=True)
        _keep(platform, app, {"kind": TOKEN, "secret": token, "username": username})
        audit.record(session, actor, "credential.set", "app", app.uuid, credential=TOKEN)
    return CredentialView(TOKEN, username=username or None)


@needs(Permission.APPS_READ)
def shown(platform: Platform, actor: Actor, app_id: str) -> CredentialView | None:
    """What is known of the credential; None when there is none."""
    with platform.store.read() as session:
        app = find(session, actor, app_id)
        if app.credential is None:
            return None
        kept = json.loads(platform.store.vault.open(app.credential))
    return CredentialView(kept["kind"], kept.get("public"), kept.get("username") or None)


@needs(Permission.APPS_WRITE)
def forget(platform: Platform, actor: Actor, app_id: str) -> None:
    """Read the repository as everybody can; nothing happens when that is so already."""
    with platform.store.write() as session:
        app = find(session, actor, app_id, lock=True)
        if app.credential is None:
            return
        app.credential = None
        audit.record(session, actor, "credential.forget", "app", app.uuid)


def _keep(platform: Platform, app: App, credential: dict[str, object]) -> None:
    app.credential = platform.store.vault.seal(json.dumps(credential).encode())
    app.updated_at = utcnow()
