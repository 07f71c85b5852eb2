"""Numbers for Prometheus."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.operations import Answer, Operation, documented
from paas.api.platform.auth import actor
from paas.services import metrics as numbers

MEDIA = "text/plain; version=0.0.4; charset=utf-8"


@documented(
    Operation(
        "platform",
        "Metrics",
        {200: Answer("Prometheus text format", media="text/plain")},
    )
)
def metrics() -> Response:
    """The platform's metrics."""
    return Response(numbers.render(platform(), actor()), content_type=MEDIA)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/metrics", view_func=metrics)
