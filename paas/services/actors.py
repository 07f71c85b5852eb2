"""Who asks."""

from sqlalchemy import select

from paas.domain.permissions import ALL, Role
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.store.models import Tenant


def default(platform: Platform) -> Actor:
    """The owner of everything as long as there are no accounts: tenant ``default``."""
    with platform.store.read() as session:
        tenant_id = session.scalars(select(Tenant.id).where(Tenant.slug == "default")).one()
    return Actor(tenant_id, permissions=ALL, role=Role.ADMIN)
