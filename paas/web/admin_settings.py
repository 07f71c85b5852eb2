"""The settings that administrators change while the platform runs."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from paas.domain.errors import Conflict, Invalid
from paas.domain.live import NAMES, SECRETS, SET
from paas.services import live_settings, plans
from paas.web.access import actor, platform
from paas.web.typed import Typed, number, read, refusals

bp = Blueprint("live", __name__, url_prefix="/admin/settings")

WHOLE = frozenset({"loki_retention_days"})


@bp.get("")
def show() -> ResponseReturnValue:
    """The settings."""
    return _page(_filled(live_settings.shown(platform(), actor())))


@bp.post("")
def change() -> ResponseReturnValue:
    """Change them; what is wrong is said beside its field."""
    form = read(NAMES)
    try:
        live_settings.change(platform(), actor(), _wanted(form))
    except (Invalid, Conflict) as error:
        return _page(form.refused(refusals(error))), 400
    flash("The settings are changed, and hold from now on.")
    return redirect(url_for("web.live.show"), code=303)


def _wanted(form: Typed) -> dict[str, object]:
    """The settings as the form has them; a secret left blank stays, unless it is to go."""
    wanted: dict[str, object] = {
        name: number(form.get(name)) if name in WHOLE else form.get(name)
        for name in NAMES
        if name not in SECRETS or form.get(name)
    }
    gone = {name: None for name in SECRETS if f"forget_{name}" in request.form}
    return {**wanted, **gone}


def _filled(values: Mapping[str, object]) -> Typed:
    return Typed({name: f"{values[name]}" for name in NAMES if name not in SECRETS})


def _page(form: Typed) -> str:
    kept = live_settings.shown(platform(), actor())
    offered = [(one.slug, one.name) for one in plans.active(platform(), actor())]
    return render_template(
        "web/live_settings.html",
        form=form,
        names=NAMES,
        has_secret=kept["s3_secret_key"] == SET,
        plans=[("", "none: the cheapest"), *offered],
    )
