"""What a route reaches through the application it runs in."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app

from paas.api.dialect import Dialect
from paas.api.gate import Gate

if TYPE_CHECKING:
    from paas.engine.platform import Platform

PLATFORM = "paas"
GATE = "paas.gate"
DIALECTS = "paas.dialects"


def attach(app: Flask, platform: "Platform", gate: Gate, dialects: Sequence[Dialect]) -> None:
    """Keep the platform, the gate and the dialects where the routes find them."""
    app.extensions[PLATFORM] = platform
    app.extensions[GATE] = gate
    app.extensions[DIALECTS] = tuple(dialects)


def platform() -> "Platform":
    """The platform that this application serves."""
    return cast("Platform", current_app.extensions[PLATFORM])


def gate() -> Gate:
    """The bound on requests that wait or stream."""
    return cast(Gate, current_app.extensions[GATE])


def dialects() -> tuple[Dialect, ...]:
    """The documented APIs that are registered."""
    return cast("tuple[Dialect, ...]", current_app.extensions[DIALECTS])
