"""The audit log, to read and to take along: all of it for administrators, a tenant's for owners."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Select, select

from paas.domain.account_views import AuditPage, AuditView
from paas.domain.errors import Invalid
from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services.allowed import needs
from paas.store.models import Tenant
from paas.store.people import AuditEntry

EXPORT_ROWS = 1000
MOST = 1000
COLUMNS = ("id", "at", "tenant", "actor", "source", "action", "kind", "object", "details")
# What a spreadsheet would run as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")

Form = Literal["csv", "jsonl"]


@dataclass(frozen=True)
class Filters:
    """Which entries are wanted: all that fit every one that is given.

    ``actor`` is a part of the name; ``action`` a whole action (``app.scale``) or, with a dot at
    its end, a group of them (``app.``). ``since`` is within, ``until`` without.
    """

    actor: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None


ALL = Filters()


@needs(Permission.ADMIN_READ)
def page(
    platform: Platform,
    _actor: Actor,
    filters: Filters = ALL,
    *,
    limit: int = 100,
    cursor: str | None = None,
) -> AuditPage:
    """Entries of the whole platform, newest first; ``limit`` is 1000 at most."""
    return _page(platform, _query(filters), limit, cursor)


@needs(Permission.TENANT_WRITE)
def tenant_page(
    platform: Platform,
    actor: Actor,
    filters: Filters = ALL,
    *,
    limit: int = 100,
    cursor: str | None = None,
) -> AuditPage:
    """Entries of the actor's tenant, newest first."""
    return _page(platform, _of_tenant(filters, actor), limit, cursor)


@needs(Permission.ADMIN_READ)
def export(platform: Platform, _actor: Actor, form: Form, filters: Filters = ALL) -> Iterator[str]:
    """The entries of the whole platform as text, a thousand at a time, newest first.

    ``csv`` has a line of heads and cells that no spreadsheet takes for a formula; ``jsonl`` is
    one JSON object a line.
    """
    return _export(platform, _query(filters), form)


@needs(Permission.TENANT_WRITE)
def tenant_export(
    platform: Platform, actor: Actor, form: Form, filters: Filters = ALL
) -> Iterator[str]:
    """The entries of the actor's tenant; see ``export``."""
    return _export(platform, _of_tenant(filters, actor), form)


Query = Select[AuditEntry, str]


def _query(filters: Filters) -> Query:
    query = select(AuditEntry, Tenant.slug).outerjoin(Tenant, Tenant.id == AuditEntry.tenant_id)
    if filters.actor:
        query = query.where(AuditEntry.actor.icontains(filters.actor, autoescape=True))
    if filters.action.endswith("."):
        query = query.where(AuditEntry.action.startswith(filters.action, autoescape=True))
    elif filters.action:
        query = query.where(AuditEntry.action == filters.action)
    if filters.since is not None:
        query = query.where(AuditEntry.at >= filters.since)
    if filters.until is not None:
        query = query.where(AuditEntry.at < filters.until)
    return query.order_by(AuditEntry.id.desc())


def _of_tenant(filters: Filters, actor: Actor) -> Query:
    return _query(filters).where(AuditEntry.tenant_id == actor.tenant_id)


def _page(platform: Platform, query: Query, limit: int, cursor: str | None) -> AuditPage:
    limit = max(1, min(limit, MOST))
    if cursor is not None:
        if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
            raise Invalid(["The cursor is not one of this list"])
        query = query.where(AuditEntry.id < int(cursor))
    with platform.store.read() as session:
        rows = session.execute(query.limit(limit + 1)).all()
    views = tuple(_view(entry, slug) for entry, slug in rows[:limit])
    return AuditPage(views, str(views[-1].id) if len(rows) > limit else None)


def _export(platform: Platform, query: Query, form: Form) -> Iterator[str]:
    shape = _csv_line if form == "csv" else _json_line
    if form == "csv":
        yield _cells(COLUMNS)
    cursor: str | None = None
    while True:
        # Each part is a short look of its own: whoever reads slowly keeps nobody waiting.
        part = _page(platform, query, EXPORT_ROWS, cursor)
        yield "".join(shape(entry) for entry in part.entries)
        cursor = part.next_cursor
        if cursor is None:
            return


def _csv_line(entry: AuditView) -> str:
    values = {**asdict(entry), "at": entry.at.isoformat(), "details": _json(entry.details)}
    return _cells(tuple(_plain(values[name]) for name in COLUMNS))


def _json_line(entry: AuditView) -> str:
    return _json({**asdict(entry), "at": entry.at.isoformat()}) + "\n"


def _cells(values: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(values)
    return out.getvalue()


def _plain(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _view(entry: AuditEntry, slug: str | None) -> AuditView:
    return AuditView(
        id=entry.id,
        at=entry.at,
        tenant=slug,
        actor=entry.actor,
        source=entry.source,
        action=entry.action,
        kind=entry.kind,
        object=entry.object,
        details=entry.details,
    )
