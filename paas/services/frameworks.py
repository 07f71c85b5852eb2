"""The catalogue as the doors show it."""

from collections.abc import Mapping

from paas.engine.platform import Platform
from paas.frameworks.catalogue import Framework


def listing(platform: Platform) -> Mapping[str, Framework]:
    """Every framework by its key."""
    return platform.catalogue
