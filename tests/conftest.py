"""Fixtures for all tests: real servers once a run, an instance of its own for each test."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
import structlog
from xdist.remote import Producer

from paas.settings import Settings
from paas.store import setup
from paas.store.unit_of_work import Store
from tests import servers, sharing
from tests.no_skips import pytest_make_collect_report, pytest_runtest_makereport

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]

# Threads that outlive a test say so at level debug; nobody asked them.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The lab's tests come first: they take longest, and nothing can be taken off them."""
    items.sort(key=lambda item: not sharing.meets_lab(item.nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> sharing.ByFile:
    return sharing.ByFile(config, log)


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A command sets up the process's log; the next test's must not go where that one's went."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    if root.handlers != handlers:
        root.handlers[:] = [one for one in root.handlers if not hasattr(one.formatter, "role")]
        root.setLevel(level)
        logging.captureWarnings(False)
        structlog.reset_defaults()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    with servers.redis_url() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    if servers.postgres_bin() is None:
        pytest.skip("PostgreSQL's programs (initdb, postgres) are not installed")
    with servers.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an instance that was prepared once, to be copied: migrating takes a second."""
    folder = tmp_path_factory.mktemp("prepared") / "i"
    setup.prepare(Settings(instance=folder))
    return folder


@pytest.fixture(scope="session")
def prepared_database(prepared: Path, postgres_server: str) -> str:
    """The name of a PostgreSQL database that goes with ``prepared``, to be a template."""
    _create(postgres_server, "prepared")
    setup.prepare(Settings(instance=prepared, database_url=postgres_server.format("prepared")))
    return "prepared"


@pytest.fixture
def instance() -> Iterator[Path]:
    """A short folder that the users of guests may pass through when the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="pi", dir="/tmp"))
    folder.chmod(0o711)
    yield folder / "i"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database that goes with ``prepared``; the tests that use it run on both kinds."""
    if request.param == "sqlite":
        yield ""
        return
    server = request.getfixturevalue("postgres_server")
    name = f"t{uuid4().hex}"
    _create(server, name, template=request.getfixturevalue("prepared_database"))
    yield server.format(name)
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def _create(server: str, name: str, template: str = "template1") -> None:
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")


def _execute(server: str, statement: str) -> None:
    admin = sa.create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(statement))
    admin.dispose()


@pytest.fixture
def settings(instance: Path, redis_server: str) -> Settings:
    """Settings of an instance on SQLite."""
    return Settings(instance=instance, redis_url=redis_server, port=0)


@pytest.fixture
def both_settings(settings: Settings, database_url: str) -> Settings:
    """Settings of an instance, once on SQLite and once on PostgreSQL."""
    return Settings(
        instance=settings.instance, redis_url=settings.redis_url, port=0, database_url=database_url
    )


@pytest.fixture
def store(prepared: Path, both_settings: Settings) -> Iterator[Store]:
    """A prepared store, on both databases."""
    shutil.copytree(prepared, both_settings.instance)
    made = setup.open_store(both_settings)
    yield made
    made.close()


@pytest.fixture(scope="session")
def is_root() -> bool:
    return os.geteuid() == 0
