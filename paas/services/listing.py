"""Lists of apps, page by page."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import select

from paas.domain.errors import Invalid, NotFound
from paas.domain.views import Page
from paas.engine.plans import steps_total
from paas.engine.platform import Platform
from paas.store import apps
from paas.store.models import Tenant


def page_of(
    platform: Platform,
    tenant_id: int | None,
    *,
    limit: int,
    cursor: str | None,
    search: str | None,
    state: str | None,
) -> Page:
    """The same of one tenant, or of all, and then each app says whose it is."""
    before = cursor_key(cursor)
    with platform.store.read() as session:
        found = apps.listed(
            session, tenant_id, limit=limit + 1, before=before, search=search, state=state
        )
        shown = found[:limit]
        views = apps.views(session, shown, steps_total)
        if tenant_id is None:
            slugs = {t.id: t.slug for t in session.scalars(select(Tenant))}
            views = [
                replace(view, tenant=slugs[app.tenant_id])
                for view, app in zip(views, shown, strict=True)
            ]
    more = len(found) > limit
    return Page(tuple(views), str(shown[-1].id) if more else None)


def cursor_key(cursor: str | None) -> int | None:
    """The row key in a page's cursor; raises ``Invalid`` for what is none."""
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Invalid(["Invalid cursor. Use the one from the Link header of the page before"])
    return int(cursor) if cursor else None


def known_form(app_id: str) -> str:
    """The id in the form it is stored in; raises ``NotFound`` for what cannot be one."""
    try:
        return str(UUID(app_id))
    except ValueError as error:
        raise NotFound(apps.MISSING) from error
