"""What every page needs: the platform, and who asks."""

from typing import TYPE_CHECKING, cast

from flask import current_app

from paas.api.identity import actor

if TYPE_CHECKING:
    from paas.engine.platform import Platform

__all__ = ["actor", "platform"]


def platform() -> "Platform":
    """The platform of the running application."""
    return cast("Platform", current_app.extensions["paas"])
