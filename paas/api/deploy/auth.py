"""Who speaks: document 001 knows no users, so whoever came through the doors is the default."""

from typing import cast

from flask import current_app

from paas.api.context import platform
from paas.domain.specs import Actor
from paas.services import actors

ACTOR = "paas.actor"


def actor() -> Actor:
    """The actor of every request, looked up once: the key of a tenant never changes."""
    if ACTOR not in current_app.extensions:
        current_app.extensions[ACTOR] = actors.default(platform())
    return cast(Actor, current_app.extensions[ACTOR])
