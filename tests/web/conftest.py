"""The application with real services, and a real browser where there is one."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page, Request, Response
from redis import Redis

import paas
from paas.engine.hub import Hub
from paas.engine.platform import Platform
from paas.settings import Settings
from tests.api.support import InstantWorker, NoGuests, instant_platform
from tests.web import support


@pytest.fixture
def core(prepared: Path, tmp_path: Path, redis_server: str) -> Iterator[Platform]:
    """A platform whose worker (``core.queue``) does everything at once, unless it sleeps."""
    instance = tmp_path / "instance"
    shutil.copytree(prepared, instance)
    settings = Settings(instance=instance, redis_url=redis_server)
    with instant_platform(settings, Hub(Redis.from_url(redis_server))) as made:
        yield made


@pytest.fixture
def app(core: Platform) -> Flask:
    return paas.create_app(platform=core)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser on this machine that runs no scripts."""
    return app.test_client()


@pytest.fixture
def remote(core: Platform) -> FlaskClient:
    """A browser elsewhere in the network."""
    settings = replace(
        core.settings, host="0.0.0.0", local_unsafe=True, hosts=("paas.example.org",)
    )
    client = paas.create_app(platform=replace(core, settings=settings)).test_client()
    client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    client.environ_base["HTTP_HOST"] = "paas.example.org"
    return client


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
def site(app: Flask) -> Iterator[str]:
    """The URL at which the application is served for a browser."""
    with support.served(app) as url:
        yield url


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Debian's Chromium for the plugin's ``page``. Its sandbox cannot start as root."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is not installed")
    return {"executable_path": program, "args": ["--no-sandbox", "--disable-dev-shm-usage"]}


@pytest.fixture
def tab(page: Page, site: str) -> Iterator[Page]:
    """A page that fails its test when a script fails, the policy is hit, or it goes outside."""
    wrong: list[str] = []

    def check_request(request: Request) -> None:
        if not request.url.startswith(site):
            wrong.append(f"asked for {request.url}")

    def check_response(response: Response) -> None:
        if response.status >= 500:
            wrong.append(f"{response.status} from {response.url}")

    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.on("request", check_request)
    page.on("response", check_response)
    page.set_default_timeout(30_000)
    yield page
    assert not wrong
