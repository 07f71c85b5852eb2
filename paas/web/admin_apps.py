"""The apps of all teams, for administrators: who is suspended, suspending, resuming."""

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from paas.services import apps
from paas.web.access import actor, platform
from paas.web.overview import Query
from paas.web.typed import attempt

bp = Blueprint("admin_apps", __name__, url_prefix="/admin/apps")

PAGE_SIZE = 50


@bp.get("")
def index() -> ResponseReturnValue:
    """The apps."""
    query = Query.of_request()
    page = query.page(apps.everyone, PAGE_SIZE)
    return render_template("web/admin_apps.html", query=query, page=page)


@bp.post("/<app_id>/suspend")
def suspend(app_id: str) -> ResponseReturnValue:
    """Take an app from serving."""
    attempt(
        lambda: apps.suspend(platform(), actor(), app_id),
        "The app is being suspended; its data stay.",
    )
    return _back()


@bp.post("/<app_id>/resume")
def resume(app_id: str) -> ResponseReturnValue:
    """Let it be what it was."""
    attempt(lambda: apps.resume(platform(), actor(), app_id), "The app is being resumed.")
    return _back()


def _back() -> Response:
    return redirect(url_for("web.admin_apps.index"), code=303)
