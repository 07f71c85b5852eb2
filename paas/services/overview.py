"""The platform in figures, for its administrators."""

from sqlalchemy import func, select

from paas.domain.commerce import Overview
from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.domain.states import WORDS_OF_000, AppState
from paas.engine.platform import Platform
from paas.services.allowed import needs
from paas.services.nodes import status_of
from paas.store import apps, nodes, usage, usage_reports
from paas.store.models import Deployment


@needs(Permission.ADMIN_READ)
def overview(platform: Platform, _actor: Actor) -> Overview:
    """What there is, what runs and what today has cost; states that nothing is in are left out."""
    with platform.store.read() as session:
        midnight = usage.database_time(session).replace(hour=0, minute=0, second=0, microsecond=0)
        cpu, ram = usage_reports.serving(session)
        return Overview(
            applications=_by_word(apps.counts(session)),
            deployments=session.scalar(select(func.count()).select_from(Deployment)) or 0,
            total_cpu=round(cpu, 2),
            total_ram_mb=ram,
            total_cost_today=usage_reports.cost_since(session, midnight),
            worker_nodes=_counted([status_of(node) for node in nodes.listed(session)]),
        )


def _by_word(counts: dict[AppState, int]) -> dict[str, int]:
    """The counts under the words that apps are shown with; the deleted ones are no apps."""
    words: dict[str, int] = {}
    for state, count in counts.items():
        if count and state is not AppState.DELETED:
            words[WORDS_OF_000[state]] = words.get(WORDS_OF_000[state], 0) + count
    return words


def _counted(states: list[str]) -> dict[str, int]:
    return {state: states.count(state) for state in dict.fromkeys(states)}
