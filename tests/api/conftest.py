"""The application with its real services, on a prepared instance of its own for each test."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

import paas
from paas.engine.hub import Hub
from paas.engine.platform import Platform
from paas.settings import Settings
from tests.api.support import InstantWorker, NoGuests, body, instant_platform


@pytest.fixture
def core_settings(prepared: Path, tmp_path: Path, redis_server: str) -> Settings:
    instance = tmp_path / "instance"
    shutil.copytree(prepared, instance)
    return Settings(instance=instance, redis_url=redis_server, deploy_wait=1)


@pytest.fixture(scope="session")
def hub(redis_server: str) -> Hub:
    """One for all tests, because its thread lives as long as the process."""
    return Hub(Redis.from_url(redis_server))


@pytest.fixture
def core(core_settings: Settings, hub: Hub) -> Iterator[Platform]:
    """A platform whose worker does everything at once (``core.queue``)."""
    with instant_platform(core_settings, hub) as made:
        yield made


@pytest.fixture
def app(core: Platform) -> Flask:
    return paas.create_app(platform=core)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client on this machine."""
    return app.test_client()


@pytest.fixture
def worker(core: Platform) -> InstantWorker:
    found: Any = core.queue
    return found


@pytest.fixture
def target(core: Platform) -> NoGuests:
    """Where all guests are."""
    found: Any = core.targets["local"]
    return found


@pytest.fixture
def remote(core: Platform) -> FlaskClient:
    """A client of a platform that serves an address of the network."""
    settings = replace(
        core.settings, host="0.0.0.0", local_unsafe=True, hosts=("paas.example.org",)
    )
    app = paas.create_app(platform=replace(core, settings=settings))
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    client.environ_base["HTTP_HOST"] = "paas.example.org"
    return client


@pytest.fixture
def deployed(client: FlaskClient) -> dict[str, Any]:
    """A running deployment."""
    answer = client.post("/api/deploy", json=body())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json["deployment"]
    return found
