"""The platform. ``create_app`` is its only door for a WSGI server; importing does no work."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from paas.engine.platform import Platform
    from paas.settings import Settings


def create_app(settings: "Settings | None" = None, platform: "Platform | None" = None) -> "Flask":
    """The web application of one instance.

    Settings come from the environment unless they, or a platform that was built with them,
    are given. The instance must have been prepared (``paas run`` and ``paas migrate`` do so).
    """
    from paas.factory import assemble

    if platform is None:
        from paas.engine.assembly import build
        from paas.settings import Settings

        platform = build(settings or Settings.read())
    return assemble(platform)
