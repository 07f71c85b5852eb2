"""Doing more to a deployment than the document has: redeploy, stop, start, restart, shutdown.

They answer like ``POST /api/deploy``, waiting included.
"""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.deploy import waiting
from paas.api.deploy.auth import actor
from paas.api.deploy.schemas.parameters import WaitHeaders
from paas.api.deploy.schemas.requests import RedeployBody
from paas.api.loading import load_body
from paas.api.operations import Operation, documented
from paas.api.paths import DEPLOYMENT, app_id
from paas.services import deployments

REDEPLOYED = ("Application redeployed successfully", "Redeployment accepted")
STOPPED = ("Application stopped successfully", "Stop accepted")
STARTED = ("Application started successfully", "Start accepted")
RESTARTED = ("Application restarted successfully", "Restart accepted")
SHUT_DOWN = ("Application shut down successfully", "Shutdown accepted")


@documented(
    Operation(
        "deployments",
        "Redeploy",
        {
            **waiting.outcomes(*REDEPLOYED, "The new release does not answer"),
        },
        refusals=(400, 404, 409),
        description=(
            "Brings the newest commit, or `ref`, beside the release that serves, and switches when "
            "it answers. A redeploy that fails leaves the old release serving."
        ),
        path=DEPLOYMENT,
        headers=WaitHeaders,
        body=lambda _: RedeployBody(),
        body_required=False,
        body_example={"ref": "v1.2.0"},
    )
)
def redeploy(deployment_id: str) -> Response:
    """Bring a newer commit."""
    ref = load_body(RedeployBody(), required=False).get("ref")
    prefer = waiting.load_preference()
    operation = deployments.redeploy(platform(), actor(), app_id(deployment_id), ref=ref)
    return waiting.answer(operation, prefer, done=REDEPLOYED[0], accepted=REDEPLOYED[1])


@documented(
    Operation(
        "deployments",
        "Stop",
        {
            **waiting.outcomes(*STOPPED, "The app could not be stopped"),
        },
        refusals=(404, 409),
        description="Ends the app; its guest and data stay.",
        path=DEPLOYMENT,
        headers=WaitHeaders,
    )
)
def stop(deployment_id: str) -> Response:
    """End the app, keep its guest."""
    prefer = waiting.load_preference()
    operation = deployments.stop(platform(), actor(), app_id(deployment_id))
    return waiting.answer(operation, prefer, done=STOPPED[0], accepted=STOPPED[1])


@documented(
    Operation(
        "deployments",
        "Start",
        {
            **waiting.outcomes(*STARTED, "The app does not answer"),
        },
        refusals=(404, 409),
        description="Starts a stopped app's release again.",
        path=DEPLOYMENT,
        headers=WaitHeaders,
    )
)
def start(deployment_id: str) -> Response:
    """Start a stopped app."""
    prefer = waiting.load_preference()
    operation = deployments.start(platform(), actor(), app_id(deployment_id))
    return waiting.answer(operation, prefer, done=STARTED[0], accepted=STARTED[1])


@documented(
    Operation(
        "deployments",
        "Restart",
        {
            **waiting.outcomes(*RESTARTED, "The app does not answer"),
        },
        refusals=(404, 409),
        description="Ends a running app and its guest, and starts both again.",
        path=DEPLOYMENT,
        headers=WaitHeaders,
    )
)
def restart(deployment_id: str) -> Response:
    """End a running app and its guest, and start both."""
    prefer = waiting.load_preference()
    operation = deployments.restart(platform(), actor(), app_id(deployment_id))
    return waiting.answer(operation, prefer, done=RESTARTED[0], accepted=RESTARTED[1])


@documented(
    Operation(
        "deployments",
        "Shut down",
        {
            **waiting.outcomes(*SHUT_DOWN, "The guest did not end in time"),
        },
        refusals=(404, 409),
        description=(
            "Ends a running app like `stop`, but never by force: when it does not end in time it "
            "goes on, and this fails."
        ),
        path=DEPLOYMENT,
        headers=WaitHeaders,
    )
)
def shutdown(deployment_id: str) -> Response:
    """End the app, never by force."""
    prefer = waiting.load_preference()
    operation = deployments.shutdown(platform(), actor(), app_id(deployment_id))
    return waiting.answer(operation, prefer, done=SHUT_DOWN[0], accepted=SHUT_DOWN[1])


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    for view in (redeploy, stop, start, restart, shutdown):
        path = f"/api/deployments/<deployment_id>/{view.__name__}"
        blueprint.add_url_rule(path, view_func=view, methods=["POST"])
