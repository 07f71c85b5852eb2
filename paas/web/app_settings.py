"""What an app is set to: plan and replicas, source, automatic deployments, its credential."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from paas.api.loading import check
from paas.api.paas.routes.credentials import KeyBody, TokenBody
from paas.api.paas.schemas.app_requests import AppChangeBody, ReplicasBody
from paas.domain.errors import Conflict, Invalid, NotFound, Unavailable
from paas.domain.views import AppView
from paas.services import apps, credentials, deployments, letters, plans, pushes
from paas.services.credentials import CredentialView
from paas.web.access import actor, platform
from paas.web.apps import buildpacks
from paas.web.typed import Typed, attempt, number, read, refusals

bp = Blueprint("app_settings", __name__, url_prefix="/apps/<app_id>")

FIELDS = ("name", "git_branch", "buildpack", "plan_id")


@bp.get("/settings")
def show(app_id: str) -> ResponseReturnValue:
    """The settings."""
    return _page(app_id)


@bp.post("/settings")
def change(app_id: str) -> ResponseReturnValue:
    """Change what the next deployment uses."""
    form = read(FIELDS)
    try:
        wanted = check(AppChangeBody(), {k: form.get(k) for k in FIELDS if form.get(k)})
        apps.update(platform(), actor(), app_id, wanted)
    except (Invalid, Conflict) as error:
        return _page(app_id, {"form": form.refused(refusals(error))}), 400
    flash("The settings are changed. The next deployment brings them to the app.")
    return _back(app_id)


@bp.post("/scale")
def scale(app_id: str) -> ResponseReturnValue:
    """Ask for so many replicas."""
    form = read(("replicas",))
    try:
        wanted = check(ReplicasBody(), {"replicas": number(form.get("replicas"))})["replicas"]
        begun = apps.scale(platform(), actor(), app_id, wanted)
    except (Invalid, Conflict, Unavailable) as error:
        return _page(app_id, {"scale": form.refused(refusals(error))}), 400
    flash(f"{wanted} of them: {'being made so' if begun else 'noted'}.")
    return _back(app_id)


@bp.post("/pushes")
def take_pushes(app_id: str) -> ResponseReturnValue:
    """Let pushes deploy the app, and show the secret for that this once."""
    made = pushes.enable(platform(), actor(), app_id)
    return render_template(
        "web/shown_once.html",
        title="Automatic deployments",
        about="Give both to the git host as a webhook for pushes, with JSON as its content type.",
        secrets=[
            ("Address", letters.public_url(platform().settings) + made.path),
            ("Secret", made.secret),
        ],
        back=url_for("web.app_settings.show", app_id=app_id),
    )


@bp.post("/pushes/end")
def end_pushes(app_id: str) -> ResponseReturnValue:
    """Let pushes deploy it no more."""
    attempt(lambda: pushes.disable(platform(), actor(), app_id), "Pushes deploy this app no more.")
    return _back(app_id)


@bp.post("/credential/key")
def make_key(app_id: str) -> ResponseReturnValue:
    """Make a deploy key in place of what was there."""
    form = read(("ssh_port",))
    try:
        port = check(KeyBody(), {"ssh_port": number(form.get("ssh_port"))})["ssh_port"]
    except Invalid as broken:
        return _page(app_id, {"credential": form.refused(broken.errors)}), 400
    credentials.make_key(platform(), actor(), app_id, port=port)
    flash("The key is made. Add it to the repository at the git host, for reading.")
    return _back(app_id)


@bp.post("/credential/token")
def keep_token(app_id: str) -> ResponseReturnValue:
    """Read the repository with a token of the git host."""
    form = read(("username",))
    sent = {"token": request.form.get("token", "").strip()}
    sent |= {"username": form.get("username")} if form.get("username") else {}
    try:
        body = check(TokenBody(), sent)
    except Invalid as broken:
        return _page(app_id, {"credential": form.refused(broken.errors)}), 400
    credentials.set_token(platform(), actor(), app_id, body["token"], username=body["username"])
    flash("The token is kept, and never shown.")
    return _back(app_id)


@bp.post("/credential/forget")
def forget_credential(app_id: str) -> ResponseReturnValue:
    """Read the repository as everybody can."""
    try:
        credentials.forget(platform(), actor(), app_id)
    except NotFound:
        # It was forgotten before, unless it is the app that is not there.
        deployments.get(platform(), actor(), app_id)
    flash("The repository is read as everybody can read it.")
    return _back(app_id)


def _page(app_id: str, forms: Mapping[str, Typed] | None = None) -> str:
    app = deployments.get(platform(), actor(), app_id)
    offered = plans.active(platform(), actor())
    shown = {
        "form": _filled(app),
        "scale": Typed({"replicas": str(app.replicas)}),
        "credential": Typed({"ssh_port": "22"}),
        **(forms or {}),
    }
    return render_template(
        "web/app_settings.html",
        app=app,
        names=FIELDS,
        plans=offered,
        most=next((plan.max_replicas for plan in offered if plan.id == app.plan_id), None),
        buildpacks=buildpacks(),
        kept=_credential(app_id),
        **shown,
    )


def _filled(app: AppView) -> Typed:
    return Typed(
        {
            "name": app.name,
            "git_branch": app.branch or "",
            "buildpack": app.buildpack or "",
            "plan_id": app.plan_id or "",
        }
    )


def _credential(app_id: str) -> CredentialView | None:
    try:
        return credentials.shown(platform(), actor(), app_id)
    except NotFound:
        return None


def _back(app_id: str) -> Response:
    return redirect(url_for("web.app_settings.show", app_id=app_id), code=303)
