"""What was used and what it costs, from the hours that are counted."""

from datetime import datetime
from decimal import Decimal

from paas.domain.commerce import HourUsed, Usage
from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services.allowed import needs
from paas.services.listing import known_form
from paas.store import apps, usage, usage_reports
from paas.store.usage_reports import Span

WEEK = 7 * 24
MOST_HOURS = 366 * 24


@needs(Permission.ADMIN_READ)
def usage_per_hour(
    platform: Platform,
    _actor: Actor,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = WEEK,
) -> list[HourUsed]:
    """What all tenants used in each counted hour, the newest first."""
    with platform.store.read() as session:
        return usage_reports.per_hour(session, Span(since, until), limit)


@needs(Permission.USAGE_READ)
def own_per_hour(
    platform: Platform,
    actor: Actor,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = WEEK,
) -> list[HourUsed]:
    """The same of the actor's tenant."""
    with platform.store.read() as session:
        span = Span(since, until)
        return usage_reports.per_hour(session, span, limit, tenant_id=actor.tenant_id)


@needs(Permission.USAGE_READ)
def app_per_hour(
    platform: Platform,
    actor: Actor,
    app_id: str,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = WEEK,
) -> list[HourUsed]:
    """The same of one of the actor's apps, a deleted one too; raises ``NotFound``."""
    with platform.store.read() as session:
        app = apps.find(session, actor, known_form(app_id))
        span = Span(since, until)
        return usage_reports.per_hour(session, span, limit, app_id=app.id)


@needs(Permission.USAGE_READ)
def own_by_app(
    platform: Platform,
    actor: Actor,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Usage]:
    """What each app of the actor's tenant used in counted hours, the dearest first."""
    with platform.store.read() as session:
        return usage_reports.by_app(session, Span(since, until), tenant_id=actor.tenant_id)


@needs(Permission.ADMIN_READ)
def by_tenant(
    platform: Platform,
    _actor: Actor,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Usage]:
    """What each tenant used in counted hours, the dearest first."""
    with platform.store.read() as session:
        return usage_reports.by_tenant(session, Span(since, until))


@needs(Permission.USAGE_READ)
def cost_today(platform: Platform, actor: Actor) -> Decimal:
    """What the actor's tenant has cost since midnight UTC, up to this moment."""
    with platform.store.read() as session:
        midnight = usage.database_time(session).replace(hour=0, minute=0, second=0, microsecond=0)
        return usage_reports.cost_since(session, midnight, actor.tenant_id)
