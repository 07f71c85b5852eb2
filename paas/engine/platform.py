"""What an instance is made of, put together once per process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis

from paas.engine.hub import Hub
from paas.frameworks.catalogue import Catalogue
from paas.settings import CHECKOUT, Settings, environment
from paas.store import guests, setup
from paas.store.queue import WorkQueue
from paas.store.unit_of_work import Store
from paas.targets import build_targets
from paas.targets.contract import Target
from paas.tools import redis_server


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
    token: str
    root: Path = CHECKOUT
    stopping: Callable[[], bool] = field(default=lambda: False)

    def target_for(self, guest_type: str) -> Target:
        """The target that a type of guest goes to: ``local`` takes both."""
        del guest_type
        return self.targets[self.settings.target]

    def folder(self, name: str) -> Path:
        """A folder of the instance."""
        return self.settings.instance / name


def build(settings: Settings, *, stopping: Callable[[], bool] = lambda: False) -> Platform:
    """The platform of a prepared instance (``paas.store.setup.prepare``).

    ``stopping`` is asked between steps; True lets the operation go on elsewhere or later.
    """
    store = setup.open_store(settings)
    with store.read() as session:
        installation = guests.installation(session)
    connection = Redis.from_url(redis_url(settings), socket_connect_timeout=2)
    catalogue = Catalogue.load(CHECKOUT / "frameworks")
    return Platform(
        settings=settings,
        environment=environment(),
        catalogue=catalogue,
        targets=build_targets(settings, installation, catalogue),
        store=store,
        hub=Hub(connection),
        queue=WorkQueue(connection),
        installation=installation,
        host=setup.host_id(settings),
        token=setup.api_token(settings),
        stopping=stopping,
    )


def redis_url(settings: Settings) -> str:
    """The setting's, or the embedded server's socket."""
    return settings.redis_url or redis_server.url(settings.instance)
