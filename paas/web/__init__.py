"""Pages for people: one more reader of the services, plain HTML that a script improves."""

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, request, url_for
from flask_wtf.csrf import CSRFError

from paas.engine.assembly import redis_url
from paas.web import (
    account,
    admin,
    admin_apps,
    admin_people,
    admin_plans,
    admin_settings,
    app_environment,
    app_pages,
    app_settings,
    app_versions,
    apps,
    audit,
    dashboard,
    errors,
    letters,
    overview,
    sign_in,
    team,
    usage,
    words,
)
from paas.web.access import edge_url, may, visitor
from paas.web.errors import render_error

if TYPE_CHECKING:
    from paas.engine.platform import Platform

__all__ = ["register", "render_error"]

PAGES = (
    overview,
    apps,
    app_pages,
    app_versions,
    app_environment,
    app_settings,
    sign_in,
    letters,
    account,
    team,
    usage,
    admin,
    admin_apps,
    admin_people,
    admin_plans,
    admin_settings,
    audit,
)
STATIC = Path(__file__).parent / "static"
_YEAR = 365 * 24 * 3600


def register(app: Flask, platform: "Platform") -> None:
    """Register the pages, their assets under /assets, and the RQ dashboard under /rq."""
    app.register_blueprint(_pages())
    # After the pages, whose templates include the frame that replaces the dashboard's own.
    dashboard.mount(app, redis_url(platform.settings))


def _pages() -> Blueprint:
    bp = Blueprint(
        "web",
        __name__,
        static_folder="static",
        static_url_path="/assets",
        template_folder="templates",
    )
    versions = {file.name: _version(file) for file in STATIC.iterdir() if file.is_file()}

    def asset(name: str) -> str:
        return url_for("web.static", filename=name, v=versions[name])

    for page in PAGES:
        bp.register_blueprint(page.bp)
    for name, function in words.FILTERS.items():
        bp.add_app_template_filter(function, name)
    names = {
        "asset": asset,
        "edge_url": edge_url,
        "may": may,
        "states": words.FILTER_STATES,
        "step_names": words.STEP_WORDS,
    }
    bp.app_context_processor(lambda: {**names, "visitor": visitor()})
    bp.after_request(_keep_assets)
    bp.register_error_handler(CSRFError, errors.stale_form)
    return bp


def _version(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()[:12]


def _keep_assets(response: Response) -> Response:
    """An asset asked for by its version never changes, so browsers may keep it."""
    if request.endpoint == "web.static" and "v" in request.args and response.status_code == 200:
        response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    return response
