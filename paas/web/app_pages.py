"""The pages of one deployment, and the buttons on them."""

from collections.abc import Callable

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as BaseResponse

from paas.domain.errors import Conflict, Invalid, Unavailable
from paas.domain.states import AppState
from paas.domain.views import AppView, OperationView
from paas.services import deployments, logs
from paas.web import ansi, form, story
from paas.web.access import actor, platform

bp = Blueprint("app", __name__, url_prefix="/apps/<app_id>")

OUTPUT_LINES = 500


@bp.get("")
def show(app_id: str) -> ResponseReturnValue:
    """One deployment: facts, steps and the log of its operations."""
    app = _app(app_id)
    return render_template("web/app.html", app=app, story=story.read(platform(), actor(), app.id))


@bp.get("/live")
def live(app_id: str) -> ResponseReturnValue:
    """The moving part of a deployment's page, log aside, which the script fetches again."""
    app = _app(app_id)
    return render_template("web/_app.html", app=app, story=story.read(platform(), actor(), app.id))


@bp.get("/output")
def output(app_id: str) -> ResponseReturnValue:
    """What the app itself writes."""
    app = _app(app_id)
    return render_template("web/output.html", app=app, lines=_output(app))


@bp.get("/output/live")
def output_live(app_id: str) -> ResponseReturnValue:
    """The moving part of that page, for the script."""
    app = _app(app_id)
    return render_template("web/_output.html", app=app, lines=_output(app))


@bp.get("/log.txt")
def log_text(app_id: str) -> ResponseReturnValue:
    """The whole log as plain text, without colours and controls."""
    text = logs.text(platform(), actor(), app_id)
    lines = "\n".join(ansi.plain(line) for line in text.split("\n"))
    return Response(lines, mimetype="text/plain")


@bp.get("/destroy")
def confirm_destroy(app_id: str) -> ResponseReturnValue:
    """Ask before destroying, for browsers that run no script."""
    return render_template("web/destroy.html", app=_app(app_id))


@bp.post("/destroy")
def destroy(app_id: str) -> ResponseReturnValue:
    """Destroy the app and lead back to the list."""
    name = _app(app_id).name
    if _attempt(
        lambda: deployments.delete(platform(), actor(), app_id), f"{name} is being destroyed."
    ):
        return redirect(url_for("web.overview.index"), code=303)
    return _to_app(app_id)


@bp.post("/redeploy")
def redeploy(app_id: str) -> ResponseReturnValue:
    """Deploy the newest commit, or the branch, tag or commit that was typed."""
    typed = request.form.get("ref", "")
    _attempt(
        lambda: deployments.redeploy(platform(), actor(), app_id, ref=form.ref(typed)),
        f"{typed.strip() or 'The newest commit'} is being deployed.",
    )
    return _to_app(app_id)


@bp.post("/stop")
def stop(app_id: str) -> ResponseReturnValue:
    """Stop the app; its guest and data stay."""
    _attempt(lambda: deployments.stop(platform(), actor(), app_id), "The app is being stopped.")
    return _to_app(app_id)


@bp.post("/start")
def start(app_id: str) -> ResponseReturnValue:
    """Start the app again."""
    _attempt(lambda: deployments.start(platform(), actor(), app_id), "The app is being started.")
    return _to_app(app_id)


def _app(app_id: str) -> AppView:
    return deployments.get(platform(), actor(), app_id)


def _output(app: AppView) -> list[story.OutputLine]:
    if app.state is AppState.DELETED:
        return []
    return story.output(platform(), actor(), app.id, OUTPUT_LINES)


def _to_app(app_id: str) -> BaseResponse:
    return redirect(url_for("web.app.show", app_id=app_id), code=303)


def _attempt(act: Callable[[], OperationView | None], said: str) -> bool:
    """Do it and say so in the flash line, or say there why it was refused."""
    try:
        act()
    except (Conflict, Invalid, Unavailable) as refused:
        flash(refused.message, "error")
        return False
    flash(said)
    return True
