"""Puts the web application together: doors, dialects, pages."""

from typing import TYPE_CHECKING

from flask import Flask
from flask_wtf.csrf import CSRFProtect

import paas.web
from paas import doors
from paas.api import bodies, context, deploy, identity, limits, platform, upkeep, wiring
from paas.api.gate import THREADS_KEPT_FREE, Gate
from paas.api.hooks import DIALECT as HOOKS
from paas.api.paas import DIALECT as PAAS
from paas.api.panel import DIALECT as PANEL
from paas.api.rates import PAGES
from paas.proxies import TrustedProxies
from paas.store.setup import access_key, session_key

if TYPE_CHECKING:
    from paas.engine.platform import Platform

DIALECTS = (deploy.DIALECT, PAAS, PANEL, HOOKS, upkeep.DIALECT, platform.DIALECT)


def assemble(core: "Platform") -> Flask:
    """The application that serves this platform."""
    app = Flask("paas", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.merge_slashes = False
    # A status page stays open for days; its forms must still work then.
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    context.attach(app, core, Gate(core.settings.threads - THREADS_KEPT_FREE), DIALECTS)
    if core.settings.trusted_proxies:
        app.wsgi_app = TrustedProxies(  # type: ignore[method-assign]
            app.wsgi_app, core.settings.trusted_proxies
        )
    _guard(app, core)
    csrf = CSRFProtect(app)
    wiring.register(app, DIALECTS, paas.web.render_error)
    for dialect in DIALECTS:
        csrf.exempt(dialect.blueprint)
    paas.web.register(app, core)
    return app


def _guard(app: Flask, core: "Platform") -> None:
    """What happens before any route, in this order: is it for us, who is it, how often does it
    ask, may it come in, is it too large."""
    doors.install(app, core.settings, token=core.token, key=session_key(core.settings))
    identity.install(app, access_key(core.settings))
    limits.install(app, core, PAGES)
    doors.close(app, identity.actor)
    bodies.install(app)
