"""The versions of an app: every attempt to bring one live, and going back to an earlier one."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from paas.domain.errors import Invalid
from paas.services import deployments, releases
from paas.web.access import actor, platform
from paas.web.typed import attempt

bp = Blueprint("versions", __name__, url_prefix="/apps/<app_id>")

PAGE_SIZE = 30


@bp.get("/versions")
def show(app_id: str) -> ResponseReturnValue:
    """The attempts, newest first."""
    app = deployments.get(platform(), actor(), app_id)
    cursor = request.args.get("cursor") or None
    try:
        page = releases.attempts(platform(), actor(), app_id, limit=PAGE_SIZE, before=cursor)
    except Invalid:
        page = releases.attempts(platform(), actor(), app_id, limit=PAGE_SIZE)
    return render_template("web/versions.html", app=app, page=page, cursor=cursor)


@bp.get("/versions/<int:version>/rollback")
def confirm(app_id: str, version: int) -> ResponseReturnValue:
    """What going back to this version would change."""
    app = deployments.get(platform(), actor(), app_id)
    found = releases.difference(platform(), actor(), app_id, version)
    return render_template("web/rollback.html", app=app, rollback=found)


@bp.post("/versions/<int:version>/rollback")
def rollback(app_id: str, version: int) -> ResponseReturnValue:
    """Go back to this version."""
    force = "force" in request.form
    begun = attempt(
        lambda: releases.rollback(platform(), actor(), app_id, version, force=force),
        f"Version {version} is being brought back.",
    )
    endpoint = "web.app.show" if begun else "web.versions.show"
    return redirect(url_for(endpoint, app_id=app_id), code=303)
