"""Totals."""

from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.domain.states import AppState
from paas.domain.views import StatsView
from paas.engine.platform import Platform
from paas.services.allowed import needs
from paas.store import apps


@needs(Permission.APPS_READ)
def stats(platform: Platform, actor: Actor) -> StatsView:
    """Totals of the actor's apps that are not deleted, from counters."""
    with platform.store.read() as session:
        counts = apps.counts(session, actor.tenant_id)
    total = sum(n for state, n in counts.items() if state is not AppState.DELETED)
    running, failed = counts[AppState.RUNNING], counts[AppState.FAILED]
    rate = round(running / total * 100, 1) if total else 0.0
    return StatsView(total, running, failed, rate)
