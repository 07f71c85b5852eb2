"""A platform without targets: the engine's own behaviour needs none."""

import pytest
from redis import Redis

from paas.engine.hub import Hub
from paas.engine.platform import Platform
from paas.frameworks.catalogue import Catalogue
from paas.settings import Settings
from paas.store import guests, setup
from paas.store.models import Operation
from paas.store.queue import WorkQueue
from paas.store.unit_of_work import Store
from tests.factories import app_row, operation_row


@pytest.fixture
def bare(store: Store, both_settings: Settings) -> Platform:
    """A platform on both databases, with nothing to deploy to."""
    connection = Redis.from_url(both_settings.redis_url)
    connection.flushall()
    with store.read() as session:
        installation = guests.installation(session)
    return Platform(
        settings=both_settings,
        environment={},
        catalogue=Catalogue({}),
        targets={},
        store=store,
        hub=Hub(connection),
        queue=WorkQueue(connection),
        installation=installation,
        host=setup.host_id(both_settings),
        token="",
    )


@pytest.fixture
def operation(bare: Platform) -> Operation:
    with bare.store.write() as session:
        return operation_row(session, app_row(session))
