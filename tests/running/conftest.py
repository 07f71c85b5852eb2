"""Fixtures of the process manager's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running.support import FakePlatform


@pytest.fixture
def start_fake(tmp_path: Path) -> Iterator[Callable[..., FakePlatform]]:
    """``start_fake("web", "worker", stop_timeout=5)`` runs these roles under a real manager."""
    started: list[FakePlatform] = []

    def start(*roles: str, stop_timeout: float = 60) -> FakePlatform:
        started.append(FakePlatform(tmp_path, roles, stop_timeout))
        return started[-1]

    yield start
    for platform in started:
        platform.close()
