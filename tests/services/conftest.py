"""A platform whose work is recorded and enqueued, and done by nobody."""

import dataclasses

import pytest

from paas.engine.platform import Platform
from paas.frameworks.catalogue import Catalogue
from paas.settings import CHECKOUT
from tests.engine.conftest import bare  # noqa: F401 - It is the fixture below's base.


class Door:
    """A target that is asked at the door only."""

    name = "local"

    def refusals(self, framework: str) -> list[str]:
        return ["There is no Composer on this host"] if framework == "laravel" else []


@pytest.fixture
def platform(bare: Platform) -> Platform:  # noqa: F811
    catalogue = Catalogue.load(CHECKOUT / "frameworks")
    return dataclasses.replace(bare, catalogue=catalogue, targets={"local": Door()})
