"""Who speaks."""

from flask import g

from paas.api.context import platform
from paas.domain.specs import Actor
from paas.services import actors


def actor() -> Actor:
    """The actor of the current request, looked up once."""
    if "actor" not in g:
        g.actor = actors.default(platform())
    found: Actor = g.actor
    return found
