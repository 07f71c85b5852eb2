"""What an instance is made of, put together once per process."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from paas.domain.errors import Unreachable
from paas.engine.hub import Hub
from paas.engine.live import LiveReader
from paas.frameworks.catalogue import Catalogue
from paas.settings import CHECKOUT, Settings
from paas.store.queue import WorkQueue
from paas.store.unit_of_work import Store
from paas.targets.contract import Target
from paas.tools.ansible_loaded import Loaded


@dataclass(frozen=True)
class Platform:
    """The parts that every room below the doors is given."""

    settings: Settings
    environment: Mapping[str, str]
    catalogue: Catalogue
    targets: Mapping[str, Target]
    store: Store
    hub: Hub
    queue: WorkQueue
    installation: str
    host: str
    token: str = field(repr=False)
    root: Path = CHECKOUT
    stopping: Callable[[], bool] = field(default=lambda: False)
    loaded: Loaded | None = None
    elsewhere: Callable[[], Sequence[Target]] = field(default=lambda: ())
    """The targets of the endpoints that were added while the platform ran."""

    @cached_property
    def live(self) -> LiveReader:
        """The settings that administrators change while the platform runs."""
        return LiveReader(self.store, {"loki_retention_days": self.settings.log_days})

    def everywhere(self) -> tuple[Target, ...]:
        """The targets of all endpoints, of those in the settings first."""
        return (*self.targets.values(), *self.elsewhere())

    def targets_for(self, guest_type: str) -> tuple[Target, ...]:
        """The targets that new guests of a type may go to, of the settings' endpoint first."""
        first = self.target_for(guest_type)
        return (first, *(one for one in self.elsewhere() if one.name == first.name))

    def target_for(self, guest_type: str) -> Target:
        """The target that new guests of a type go to: ``local`` takes both."""
        if self.settings.target == "local":
            return self.target("local")
        return self.target(f"{self.settings.target}_{guest_type}")

    def target(self, name: str, endpoint: str = "") -> Target:
        """Where a guest lives; raises ``Unreachable`` when nothing leads there.

        Without ``endpoint`` it is the settings' own.
        """
        found = self.targets.get(name)
        if found is not None and (not endpoint or endpoint == found.endpoint):
            return found
        for one in self.elsewhere() if endpoint else ():
            if (one.name, one.endpoint) == (name, endpoint):
                return one
        if found is not None:
            raise Unreachable(
                f"Guests on {endpoint} cannot be reached: it was removed. Add it again as a worker "
                "with the same name"
            )
        raise Unreachable(
            f"Guests of target {name} cannot be reached: the settings name none. Set "
            "PAAS_TARGET and what belongs to it as they were when the guest was made"
        )

    def folder(self, name: str) -> Path:
        """A folder of the instance."""
        return self.settings.instance / name
