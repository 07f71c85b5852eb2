"""Fixtures of the tests of targets: an instance with real guests that are gone afterwards."""

import os
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from paas.domain.specs import GuestSpec
from paas.targets.local.running import run_guarded
from paas.targets.local.target import LocalTarget
from tests.targets import support

Make = Callable[..., GuestSpec]


@pytest.fixture
def installation() -> str:
    return str(uuid4())


@pytest.fixture
def target(instance: Path, installation: str) -> LocalTarget:
    instance.mkdir()
    instance.chmod(0o711)
    (instance / "guests").mkdir()
    (instance / "guests").chmod(0o711)
    return LocalTarget(
        instance,
        installation,
        "127.77.0.0/16",
        frameworks={"flask": "python", "static": "static"},
        environment={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        run=run_guarded,
        uv=Path(sysconfig.get_path("scripts")) / "uv",
    )


@pytest.fixture
def planned(target: LocalTarget, installation: str) -> Iterator[Make]:
    """Describe guests that the test may make; they are removed afterwards."""
    described: list[GuestSpec] = []

    def describe(**changes: object) -> GuestSpec:
        described.append(support.guest_spec(target, installation, **changes))
        return described[-1]

    yield describe
    for guest in described:
        target.remove(guest)


@pytest.fixture
def make(target: LocalTarget, planned: Make) -> Make:
    """Make guests."""

    def make_one(**changes: object) -> GuestSpec:
        guest = planned(**changes)
        support.create(target, guest)
        return guest

    return make_one
