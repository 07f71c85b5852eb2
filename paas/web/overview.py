"""The status page: totals, deployments, and the form that makes another one."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from paas.domain.errors import Conflict, Invalid, KeyReused, Unavailable
from paas.domain.states import AppState
from paas.domain.views import Page, StatsView
from paas.services import deployments, frameworks, stats
from paas.web import form, words
from paas.web.access import actor, platform
from paas.web.form import DeployForm

bp = Blueprint("overview", __name__)

PAGE_SIZE = 20
SEARCH_LIMIT = 100


@dataclass(frozen=True)
class Query:
    """What a person asked the list for; unknown states and broken cursors ask for nothing."""

    search: str
    state: str
    cursor: str

    @classmethod
    def of_request(cls) -> "Query":
        state = request.args.get("state", "")
        return cls(
            search=request.args.get("search", "").strip()[:SEARCH_LIMIT],
            state=state if state in words.FILTER_STATES else "",
            cursor=request.args.get("cursor", ""),
        )

    @property
    def narrowed(self) -> bool:
        """Whether the list shows less than everything."""
        return bool(self.search or self.state)

    def page(self, listing: Callable[..., Page], size: int) -> Page:
        """The page that was asked for, of a service's list; a broken cursor is the first page."""
        state = AppState(self.state) if self.state else None

        def listed(cursor: str | None) -> Page:
            return listing(
                platform(),
                actor(),
                limit=size,
                cursor=cursor,
                search=self.search or None,
                state=state,
            )

        try:
            return listed(self.cursor or None)
        except Invalid:
            return listed(None)


@bp.get("/")
def index() -> ResponseReturnValue:
    """The status page."""
    return _page(DeployForm())


@bp.get("/live")
def live() -> ResponseReturnValue:
    """The moving part of the status page, which the script fetches again and again."""
    query = Query.of_request()
    return render_template("web/_overview.html", query=query, page=_apps(query), totals=_totals())


@bp.post("/")
def deploy() -> ResponseReturnValue:
    """Accept the form and lead to the new deployment, or show the form with what is wrong."""
    values = form.read(request.form)
    key = request.form.get("key", "")[:64]
    try:
        spec = form.spec(values, platform())
        operation = deployments.create(platform(), actor(), spec, idempotency_key=key or None)
    except Invalid as broken:
        return _page(DeployForm(values, tuple(broken.errors))), 400
    except KeyReused:
        again = "This form was sent before with other values. Send it again to deploy these."
        return _page(DeployForm(values, (again,))), 409
    except Conflict as conflict:
        return _page(DeployForm(values, (conflict.message,))), 409
    except Unavailable as away:
        return _page(DeployForm(values, (away.message,))), 503
    flash(f"{spec.name} is accepted and being deployed.")
    # Without a place of its own the answer would take over the form's, which is its errors.
    return redirect(url_for("web.app.show", app_id=operation.app_id, _anchor="top"), code=303)


def _page(filled: DeployForm) -> str:
    query = Query.of_request()
    return render_template(
        "web/index.html",
        query=query,
        page=_apps(query),
        totals=_totals(),
        form=filled,
        frameworks=frameworks.listing(platform()),
    )


def _totals() -> StatsView:
    return stats.stats(platform(), actor())


def _apps(query: Query) -> Page:
    return query.page(deployments.page, PAGE_SIZE)
