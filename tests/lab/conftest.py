"""Fixtures of the lab. Without root, Linux or LXC its tests are skipped with the reason.

``PAAS_LAB=required`` makes that a failure.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.lab import ground, provider_build
from tests.lab import lab as whole
from tests.lab.ground import Ground
from tests.lab.hypervisor import HypervisorError

REQUIRED = os.environ.get("PAAS_LAB") == "required"


@contextmanager
def _or_skip() -> Iterator[None]:
    """What cannot be made here is a skip, unless the lab is required."""
    try:
        yield
    except HypervisorError as error:
        if REQUIRED:
            raise
        pytest.skip(f"no lab here: {error}")


@pytest.fixture(scope="session")
def lab() -> Iterator[whole.Lab]:
    """The whole lab: API, guests, mirrors. One for all tests; each leaves it as it was."""
    with ExitStack() as undo:
        with _or_skip():
            here = undo.enter_context(whole.running())
        yield here


@pytest.fixture(scope="session")
def lab_guests() -> Iterator[Ground]:
    """Guests on a bridge of their own, without an API."""
    with ExitStack() as undo:
        with _or_skip():
            here = undo.enter_context(ground.prepared())
        yield here


@pytest.fixture(scope="session")
def provider_mirror() -> Path:
    """A filesystem mirror with the provider; needs no root."""
    with _or_skip():
        return provider_build.mirror(ground.cache())
