"""Who asks, where no user does: whoever came through the open door, or has the platform's token."""

from sqlalchemy import select

from paas.domain.permissions import ALL, Role
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.store.models import Tenant

DEFAULT = "default"
PLATFORM = "platform"


def default(platform: Platform) -> Actor:
    """Whoever is on this very machine: all of tenant ``default`` is theirs."""
    with platform.store.read() as session:
        tenant_id = session.scalars(select(Tenant.id).where(Tenant.slug == DEFAULT)).one()
    return Actor(tenant_id, permissions=ALL, role=Role.ADMIN)


def of_token(platform: Platform) -> Actor:
    """Whoever shows the platform's own token: an administrator in tenant ``default``."""
    return Actor(default(platform).tenant_id, PLATFORM, ALL, Role.ADMIN)


def at_open_door(platform: Platform) -> Actor | None:
    """Whoever shows nothing on this very machine; nobody while there is a second tenant.

    One that was closed has nobody and nothing left to keep apart.
    """
    query = select(Tenant.id).where(Tenant.closed_at.is_(None)).limit(2)
    with platform.store.read() as session:
        tenants = session.execute(query).all()
    if len(tenants) != 1:
        return None
    return Actor(tenants[0].id, permissions=ALL, role=Role.ADMIN)
