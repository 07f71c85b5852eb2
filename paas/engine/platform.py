"""What an instance is made of, put together once per process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from paas.domain.errors import Unreachable
from paas.engine.hub import Hub
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

    def target_for(self, guest_type: str) -> Target:
        """The target that new guests of a type go to: ``local`` takes both."""
        if self.settings.target == "local":
            return self.target("local")
        return self.target(f"{self.settings.target}_{guest_type}")

    def target(self, name: str) -> Target:
        """Where a guest lives; raises ``Unreachable`` when the settings do not lead there."""
        found = self.targets.get(name)
        if found is None:
            raise Unreachable(
                f"Guests of target {name} cannot be reached: the settings name none. Set "
                "PAAS_TARGET and what belongs to it as they were when the guest was made"
            )
        return found

    def folder(self, name: str) -> Path:
        """A folder of the instance."""
        return self.settings.instance / name
