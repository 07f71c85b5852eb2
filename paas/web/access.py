"""What every page needs: the platform, and who asks."""

from typing import TYPE_CHECKING, cast

from flask import current_app, g

from paas.api.identity import actor
from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.domain.views import AppView
from paas.engine import edge

if TYPE_CHECKING:
    from paas.engine.platform import Platform

__all__ = ["actor", "edge_url", "may", "platform", "visitor"]


def platform() -> "Platform":
    """The platform of the running application."""
    return cast("Platform", current_app.extensions["paas"])


def edge_url(app: AppView) -> str | None:
    """Where the edge serves an app; None while it does not, or when there is no edge."""
    return edge.edge_url(platform(), app)


def visitor() -> Actor | None:
    """Who the request was found to be; None for nobody, and when nobody has looked yet.

    Error pages ask too: whatever went wrong, nothing is looked up again here.
    """
    found: Actor | None = g.get("actor")
    return found


def may(permission: str) -> bool:
    """Whether whoever asks has a permission, for what a page offers; services decide for
    themselves."""
    found = visitor()
    return found is not None and Permission(permission) in found.permissions
