"""Every change, who made it and from where: to read, to narrow, to take along."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from paas.domain.account_views import AuditPage
from paas.domain.errors import Invalid
from paas.services import audit
from paas.services.audit import Filters, Form
from paas.web.access import actor, platform
from paas.web.typed import day

bp = Blueprint("audit", __name__)

PAGE_SIZE = 100
LONGEST = 100
MIMETYPES: dict[Form, str] = {"csv": "text/csv", "jsonl": "application/jsonl"}


@bp.get("/admin/audit")
def everything() -> ResponseReturnValue:
    """The changes of the whole platform."""
    return _page(audit.page, "admin", "web.audit.everything", "web.audit.export")


@bp.get("/team/audit")
def team() -> ResponseReturnValue:
    """The changes of the team."""
    return _page(audit.tenant_page, "team", "web.audit.team", "web.audit.export_team")


@bp.get("/admin/audit/file")
def export() -> ResponseReturnValue:
    """The changes of the whole platform as a file."""
    form = _form()
    return _file(audit.export(platform(), actor(), form, _filters()), form)


@bp.get("/team/audit/file")
def export_team() -> ResponseReturnValue:
    """The changes of the team as a file."""
    form = _form()
    return _file(audit.tenant_export(platform(), actor(), form, _filters()), form)


def _page(
    read: Callable[..., AuditPage], here: str, endpoint: str, export: str
) -> ResponseReturnValue:
    cursor = request.args.get("cursor") or None
    try:
        page = read(platform(), actor(), _filters(), limit=PAGE_SIZE, cursor=cursor)
    except Invalid:
        page = read(platform(), actor(), _filters(), limit=PAGE_SIZE)
    given = {name: request.args.get(name, "") for name in ("actor", "action", "since", "until")}
    return render_template(
        "web/audit.html",
        here=here,
        endpoint=endpoint,
        export=export,
        page=page,
        cursor=cursor,
        given={name: text[:LONGEST] for name, text in given.items() if text},
    )


def _filters() -> Filters:
    """What was asked for; a day that cannot be read asks for nothing. ``until`` is a whole day."""
    until = day("until")
    return Filters(
        actor=request.args.get("actor", "").strip()[:LONGEST],
        action=request.args.get("action", "").strip()[:LONGEST],
        since=day("since"),
        until=until + timedelta(days=1) if until else None,
    )


def _form() -> Form:
    return "csv" if request.args.get("form") == "csv" else "jsonl"


def _file(text: Iterator[str], form: Form) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="audit.{form}"'}
    return Response(text, mimetype=MIMETYPES[form], headers=headers)
