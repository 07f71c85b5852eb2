"""Figures for Prometheus, read from the database at each scrape.

They are facts of the instance, so every web process tells the same.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.domain.states import ACTIVE_OPERATION_STATES, AppState
from paas.engine.platform import Platform
from paas.services.allowed import needs
from paas.services.health import VERSION
from paas.store import apps
from paas.store.models import Guest, Operation


@needs(Permission.ADMIN_READ)
def render(platform: Platform, _actor: Actor) -> str:
    """The text that Prometheus reads; it is about all tenants."""
    registry = CollectorRegistry()
    registry.register(_Facts(platform))
    return generate_latest(registry).decode()


class _Facts:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def collect(self) -> Iterator[Metric]:
        """The metrics of this moment."""
        info = GaugeMetricFamily("paas_build", "Always 1.", labels=["version"])
        info.add_metric([VERSION], 1)
        yield info
        with self._platform.store.read() as session:
            yield self._by_label(
                "paas_apps",
                "Apps by state.",
                "state",
                {str(s): n for s, n in apps.counts(session).items() if s is not AppState.DELETED},
            )
            yield self._by_label(
                "paas_guests",
                "Guests that may exist, by state.",
                "state",
                _numbers(
                    session,
                    select(Guest.state, func.count())
                    .where(Guest.state != "gone")
                    .group_by(Guest.state),
                ),
            )
            active = _numbers(
                session,
                select(Operation.state, func.count())
                .where(Operation.state.in_(ACTIVE_OPERATION_STATES))
                .group_by(Operation.state),
            )
            yield self._by_label(
                "paas_operations_active",
                "Operations that have not ended, by state.",
                "state",
                {str(s): active.get(s, 0) for s in ACTIVE_OPERATION_STATES},
            )

    @staticmethod
    def _by_label(name: str, text: str, label: str, values: dict[str, int]) -> Metric:
        family = GaugeMetricFamily(name, text, labels=[label])
        for value, number in values.items():
            family.add_metric([value], number)
        return family


def _numbers(session: Session, query: Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in session.execute(query)}
