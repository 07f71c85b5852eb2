"""Tenants: how they are found, named and counted."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from paas.domain import slugs
from paas.domain.account_views import TenantView
from paas.domain.errors import Conflict, Invalid, NotFound
from paas.domain.states import AppState
from paas.store.models import App, Tenant
from paas.store.people import Membership

DEFAULT = "default"
LONGEST_NAME = 128
LONGEST_SLUG = 64


def slug_of(name: str) -> str:
    """A tenant's name as part of a URL; may be empty."""
    return slugs.slug_of(name, LONGEST_SLUG)


def checked_name(name: str) -> str:
    """The name; raises ``Invalid`` when nobody could read or address it."""
    stripped = name.strip()
    if not 0 < len(stripped) <= LONGEST_NAME or not stripped.isprintable():
        raise Invalid([f"The tenant's name must have 1 to {LONGEST_NAME} characters, on one line"])
    if not slug_of(stripped):
        raise Invalid(["The tenant's name must have a letter from a to z or a digit"])
    return stripped


def find(session: Session, uuid: str, *, lock: bool = False) -> Tenant:
    """An open tenant; raises ``NotFound``."""
    query = select(Tenant).where(Tenant.uuid == uuid, Tenant.closed_at.is_(None))
    found = session.scalar(query.with_for_update(key_share=True) if lock else query)
    if found is None:
        raise NotFound("Tenant not found")
    return found


def by_slug(session: Session, slug: str) -> Tenant | None:
    """The open tenant with this slug."""
    return session.scalar(select(Tenant).where(Tenant.slug == slug, Tenant.closed_at.is_(None)))


def add(session: Session, name: str) -> Tenant:
    """A new tenant; raises ``Invalid``, or ``Conflict`` when its slug is taken."""
    name = checked_name(name)
    slug = slug_of(name)
    if by_slug(session, slug) is not None:
        raise Conflict(f"There is a tenant '{slug}' already")
    session.add(made := Tenant(slug=slug, name=name))
    session.flush()
    return made


def count(session: Session) -> int:
    """How many open tenants there are."""
    return session.scalars(select(func.count(Tenant.id)).where(Tenant.closed_at.is_(None))).one()


def living_apps(session: Session, tenant_id: int) -> int:
    """How many apps of a tenant are not deleted."""
    query = select(func.count(App.id)).where(
        App.tenant_id == tenant_id, App.state != AppState.DELETED
    )
    return session.scalars(query).one()


def views(session: Session) -> tuple[TenantView, ...]:
    """All open tenants by name."""
    members = (
        select(func.count()).where(Membership.tenant_id == Tenant.id).correlate(Tenant)
    ).scalar_subquery()
    apps = (
        select(func.count(App.id))
        .where(App.tenant_id == Tenant.id, App.state != AppState.DELETED)
        .correlate(Tenant)
    ).scalar_subquery()
    query = select(Tenant, members.label("members"), apps.label("apps"))
    rows = session.execute(query.where(Tenant.closed_at.is_(None)).order_by(Tenant.name, Tenant.id))
    return tuple(
        TenantView(one.Tenant.uuid, one.Tenant.slug, one.Tenant.name, one.members, one.apps)
        for one in rows
    )
