"""The apps of a team as a table, and the form that makes another one without deploying it yet."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from paas.api.loading import check
from paas.api.paas.schemas.app_requests import app_body
from paas.domain.errors import Invalid, Unavailable
from paas.frameworks.buildpacks import RUNTIMES
from paas.services import apps, deployments, frameworks, plans, releases
from paas.web.access import actor, platform
from paas.web.overview import Query
from paas.web.typed import Typed, attempt, read, refusals

bp = Blueprint("apps", __name__, url_prefix="/apps")

PAGE_SIZE = 50
FIELDS = ("name", "slug", "git_url", "git_branch", "buildpack", "plan_id")


@bp.get("")
def index() -> ResponseReturnValue:
    """The apps."""
    query = Query.of_request()
    return render_template(
        "web/apps.html", query=query, page=query.page(deployments.page, PAGE_SIZE)
    )


@bp.get("/new")
def new() -> ResponseReturnValue:
    """The form."""
    return _page(Typed({"deploy": "yes"}))


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Make the app, deploy it if that is ticked, and lead to it."""
    form = read((*FIELDS, "deploy"))
    try:
        spec = check(app_body(platform()), {k: form.get(k) for k in FIELDS if form.get(k)})
        app = apps.create(platform(), actor(), spec)
    except (Invalid, Unavailable) as error:
        return _page(form.refused(refusals(error))), 400
    if form.get("deploy"):
        attempt(
            lambda: releases.deploy(platform(), actor(), app.id),
            f"{app.name} is made and is being deployed.",
        )
    else:
        flash(f"{app.name} is made. Give it what it needs, then deploy it.")
    return redirect(url_for("web.app.show", app_id=app.id), code=303)


def buildpacks() -> list[tuple[str, str]]:
    """What a buildpack may be, with words for each."""
    known = frameworks.listing(platform())
    return [
        *((f"heroku/{name}", f"heroku/{name}") for name in RUNTIMES),
        *((key, f"{item.name} ({item.language})") for key, item in known.items()),
    ]


def _page(form: Typed) -> str:
    return render_template(
        "web/app_new.html",
        form=form,
        names=FIELDS,
        plans=plans.active(platform(), actor()),
        buildpacks=buildpacks(),
    )
