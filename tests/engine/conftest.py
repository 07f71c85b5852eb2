"""Platforms for the engine: one without targets, one with everything real."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from paas.engine import assembly
from paas.engine.hub import Hub
from paas.engine.platform import Platform
from paas.frameworks.catalogue import Catalogue
from paas.services import deployments
from paas.settings import Settings
from paas.store import guests, setup
from paas.store.models import Operation
from paas.store.queue import WorkQueue
from paas.store.unit_of_work import Store
from paas.tools.ansible_loaded import Loaded
from paas.tools.process import clean_environment
from tests.engine import live
from tests.factories import ACTOR, app_row, operation_row
from tests.mirror import Mirror


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
        sealed = bare.store.vault.seal_map({})
        return operation_row(session, app_row(session, environment=sealed))


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "mirror")


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """One Ansible for all tests: loading it takes longer than most plays."""
    folder = tmp_path_factory.mktemp("ansible")
    made = Loaded.start(clean_environment(os.environ, {}), folder)
    yield made
    made.end()


@pytest.fixture
def platform(
    prepared: Path, instance: Path, redis_server: str, mirror: Mirror, loaded: Loaded
) -> Iterator[Platform]:
    shutil.copytree(prepared, instance)
    settings = Settings(
        instance=instance,
        redis_url=redis_server,
        git_mirror=str(mirror.folder),
        health_timeout=30,
        releases_kept=2,
    )
    made = assembly.build(settings, loaded=loaded)
    yield made
    for app in deployments.page(made, ACTOR).apps:
        live.destroy(made, app.id)
    assert live.guest_folders(made) == []
    assert live.guest_processes(made) == []
    made.store.close()
