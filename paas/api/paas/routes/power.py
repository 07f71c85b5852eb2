"""How many replicas an app has, and whether they run."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.loading import load_body
from paas.api.operations import Answer, Operation, documented
from paas.api.paas import envelope, examples
from paas.api.paas.auth import actor
from paas.api.paas.schemas.app_requests import ReplicasBody
from paas.api.paas.schemas.apps import ScaleBegun
from paas.api.paths import app_id as known
from paas.services import apps
from paas.services import deployments as power

SCALED = "Application scaled"
STOPPED = "Application stopped"
STARTED = "Application started"
RESTARTED = "Application restarted"


def _said(sentence: str) -> dict[int, Answer]:
    return {200: Answer("It will happen", (envelope.Said,), {"message": sentence})}


@documented(
    Operation(
        "apps",
        "Scale",
        {200: Answer("It will happen", (ScaleBegun,), {"message": SCALED, "replicas": 5})},
        refusals=(400, 404, 409),
        description="As many replicas as the plan allows; each is a guest of its own.",
        path=examples.APP,
        body=lambda _: ReplicasBody(),
        body_example={"replicas": 5},
    )
)
def scale(app_id: str) -> Response:
    """Set how many replicas an app has."""
    replicas = load_body(ReplicasBody())["replicas"]
    apps.scale(platform(), actor(), known(app_id), replicas)
    return envelope.success(ScaleBegun, message=SCALED, replicas=replicas)


@documented(
    Operation(
        "apps",
        "Stop",
        _said(STOPPED),
        refusals=(404, 409),
        description="Ends the application; its guests and data stay.",
        path=examples.APP,
    )
)
def stop(app_id: str) -> Response:
    """End an app, keep its guests."""
    power.stop(platform(), actor(), known(app_id))
    return envelope.success(envelope.Said, message=STOPPED)


@documented(
    Operation(
        "apps",
        "Start",
        _said(STARTED),
        refusals=(404, 409),
        description="Starts a stopped application again.",
        path=examples.APP,
    )
)
def start(app_id: str) -> Response:
    """Start a stopped app."""
    power.start(platform(), actor(), known(app_id))
    return envelope.success(envelope.Said, message=STARTED)


@documented(
    Operation(
        "apps",
        "Restart",
        _said(RESTARTED),
        refusals=(404, 409),
        description="Ends a running application and its guests, and starts both again.",
        path=examples.APP,
    )
)
def restart(app_id: str) -> Response:
    """End a running app and its guests, and start both."""
    power.restart(platform(), actor(), known(app_id))
    return envelope.success(envelope.Said, message=RESTARTED)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    for view in (scale, stop, start, restart):
        path = f"/api/paas/apps/<app_id>/{view.__name__}"
        blueprint.add_url_rule(path, view_func=view, methods=["POST"])
