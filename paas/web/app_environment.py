"""The environment of an app: names are shown, values go in and never come out."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from paas.api.loading import check
from paas.api.paas.schemas.app_requests import VariablesBody
from paas.domain.errors import Invalid
from paas.services import deployments, variables
from paas.web import form
from paas.web.access import actor, platform
from paas.web.typed import Typed, attempt

bp = Blueprint("environment", __name__, url_prefix="/apps/<app_id>/environment")


@bp.get("")
def show(app_id: str) -> ResponseReturnValue:
    """The variables by name."""
    return _page(app_id, Typed())


@bp.post("")
def put(app_id: str) -> ResponseReturnValue:
    """Add or replace one variable, or several lines of them."""
    try:
        found = check(VariablesBody(), {"vars": _typed()})["vars"]
        if not found:
            raise Invalid(["There is no variable in the form"])
        variables.set_variables(platform(), actor(), app_id, found)
    except Invalid as broken:
        # What was typed is not sent back: it may be secret.
        return _page(app_id, Typed({"key": request.form.get("key", "")}, broken.errors)), 400
    flash(f"{', '.join(found)}: kept. The next deployment brings it to the app.")
    return redirect(url_for("web.environment.show", app_id=app_id), code=303)


@bp.post("/<key>/delete")
def delete(app_id: str, key: str) -> ResponseReturnValue:
    """Remove a variable."""
    attempt(
        lambda: variables.delete_variable(platform(), actor(), app_id, key),
        f"{key} is removed. The next deployment takes it from the app.",
    )
    return redirect(url_for("web.environment.show", app_id=app_id), code=303)


def _typed() -> dict[str, str]:
    key = request.form.get("key", "").strip()
    # Browsers send every line of a text with two characters at its end.
    value = request.form.get("value", "").replace("\r\n", "\n")
    found = form.environment(request.form.get("lines", ""))
    return {**found, key: value} if key else found


def _page(app_id: str, typed: Typed) -> str:
    app = deployments.get(platform(), actor(), app_id)
    known = variables.variables(platform(), actor(), app_id)
    return render_template("web/environment.html", app=app, variables=known, form=typed)
