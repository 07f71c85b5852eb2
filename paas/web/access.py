"""What every page needs: the platform, and who asks."""

from typing import TYPE_CHECKING, cast

from flask import current_app

from paas.domain.specs import Actor
from paas.services import actors

if TYPE_CHECKING:
    from paas.engine.platform import Platform


def platform() -> "Platform":
    """The platform of the running application."""
    return cast("Platform", current_app.extensions["paas"])


def actor() -> Actor:
    """Who asks; the doors have let them in already."""
    return actors.default(platform())
