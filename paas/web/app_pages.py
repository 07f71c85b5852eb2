"""The pages of one deployment, and the buttons on them."""

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as BaseResponse

from paas.domain.errors import Conflict, Invalid, StepFailed, Unreachable
from paas.domain.states import AppState
from paas.domain.views import AppView
from paas.services import deployments, logs, releases
from paas.services import drift as drifting
from paas.web import ansi, form, story
from paas.web.access import actor, platform
from paas.web.typed import attempt

bp = Blueprint("app", __name__, url_prefix="/apps/<app_id>")

OUTPUT_LINES = 500
SEARCH_LIMIT = 200
ANSWERS = {
    "adopt": (drifting.adopt, "The guest is being taken as it is."),
    "repair": (drifting.repair, "The guest is being brought back."),
}


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
    """What the app itself writes, all of it or the lines with a text."""
    app = _app(app_id)
    search = request.args.get("search", "").strip()[:SEARCH_LIMIT]
    search = search if search.isprintable() else ""
    return render_template("web/output.html", app=app, search=search, output=_output(app, search))


@bp.get("/guest")
def guest(app_id: str) -> ResponseReturnValue:
    """How the guest differs from what was made, looked at now, and what can be done about it."""
    app = _app(app_id)
    drift, away = None, ""
    try:
        drift = drifting.examine(platform(), actor(), app.id)
    except (Conflict, StepFailed, Unreachable) as error:
        away = error.message
    return render_template("web/guest.html", app=app, drift=drift, away=away)


@bp.post("/guest")
def answer_drift(app_id: str) -> ResponseReturnValue:
    """Take the guest as it is, or bring it back."""
    answer = request.form.get("answer", "")
    if answer not in ANSWERS:
        raise Invalid([f"The answer must be one of {' and '.join(sorted(ANSWERS))}"])
    begin, said = ANSWERS[answer]
    attempt(lambda: begin(platform(), actor(), app_id), said)
    return _to_app(app_id)


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
    if attempt(
        lambda: deployments.delete(platform(), actor(), app_id), f"{name} is being destroyed."
    ):
        return redirect(url_for("web.overview.index"), code=303)
    return _to_app(app_id)


@bp.post("/redeploy")
def redeploy(app_id: str) -> ResponseReturnValue:
    """Deploy the newest commit, or the branch, tag or commit that was typed."""
    typed = request.form.get("ref", "")
    attempt(
        lambda: releases.deploy(platform(), actor(), app_id, commit=form.ref(typed)),
        f"{typed.strip() or 'The newest commit'} is being deployed.",
    )
    return _to_app(app_id)


@bp.post("/stop")
def stop(app_id: str) -> ResponseReturnValue:
    """Stop the app; its guest and data stay."""
    attempt(lambda: deployments.stop(platform(), actor(), app_id), "The app is being stopped.")
    return _to_app(app_id)


@bp.post("/start")
def start(app_id: str) -> ResponseReturnValue:
    """Start the app again."""
    attempt(lambda: deployments.start(platform(), actor(), app_id), "The app is being started.")
    return _to_app(app_id)


@bp.post("/restart")
def restart(app_id: str) -> ResponseReturnValue:
    """End the app and its guest, and start both."""
    attempt(lambda: deployments.restart(platform(), actor(), app_id), "The app is being restarted.")
    return _to_app(app_id)


def _app(app_id: str) -> AppView:
    return deployments.get(platform(), actor(), app_id)


def _output(app: AppView, search: str) -> story.Output:
    if app.state is AppState.DELETED:
        return story.Output()
    return story.output(platform(), actor(), app.id, OUTPUT_LINES, search)


def _to_app(app_id: str) -> BaseResponse:
    return redirect(url_for("web.app.show", app_id=app_id), code=303)
