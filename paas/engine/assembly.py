"""Putting an instance together, once per process."""

from collections.abc import Callable
from functools import partial

from redis import Redis

from paas.engine.elsewhere import Elsewhere
from paas.engine.hub import Hub
from paas.engine.platform import Platform
from paas.frameworks.catalogue import Catalogue
from paas.settings import CHECKOUT, Settings, environment
from paas.store import guests, setup
from paas.store.queue import WorkQueue
from paas.targets import build_elsewhere, build_targets, make_context
from paas.tools import redis_server
from paas.tools.ansible_loaded import Loaded


def build(
    settings: Settings,
    *,
    stopping: Callable[[], bool] = lambda: False,
    loaded: Loaded | None = None,
) -> Platform:
    """The platform of a prepared instance (``paas.store.setup.prepare``).

    ``stopping`` is asked between steps; True lets the operation go on elsewhere or later.
    ``loaded`` has Ansible for plays; without it each loads its own.
    """
    store = setup.open_store(settings)
    with store.read() as session:
        installation = guests.installation(session)
    connection = Redis.from_url(redis_url(settings), socket_connect_timeout=2)
    catalogue = Catalogue.load(CHECKOUT / "frameworks")
    key = setup.ssh_key(store)
    context = make_context(settings, installation, catalogue, environment(), ssh_key=key)
    return Platform(
        settings=settings,
        environment=environment(),
        catalogue=catalogue,
        targets=build_targets(context),
        store=store,
        hub=Hub(connection),
        queue=WorkQueue(connection),
        installation=installation,
        host=setup.host_id(settings),
        token=setup.api_token(settings),
        stopping=stopping,
        loaded=loaded,
        elsewhere=Elsewhere(store, partial(build_elsewhere, context)),
    )


def redis_url(settings: Settings) -> str:
    """The setting's, or the embedded server's socket."""
    return settings.redis_url or redis_server.url(settings.instance)
