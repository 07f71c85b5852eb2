"""The main job: a repository in, a running app out."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.deploy import waiting
from paas.api.deploy.auth import actor
from paas.api.deploy.schemas import deploy_body
from paas.api.deploy.schemas.parameters import DeployHeaders
from paas.api.loading import load_body, load_headers
from paas.api.operations import Operation, documented
from paas.services import deployments

DONE = "Application deployed successfully"
ACCEPTED = "Deployment accepted"
HEADERS = DeployHeaders()
EXAMPLE = {
    "name": "mon-application",
    "deployment_type": "vm",
    "framework": "django",
    "github_url": "https://github.com/username/repository",
    "resources": {"cores": 2, "memory": 2048, "disk": 20},
}


@documented(
    Operation(
        "deployments",
        "Create a deployment",
        {
            **waiting.outcomes(DONE, ACCEPTED, "The repository does not exist"),
        },
        refusals=(400, 409, 422),
        description=(
            "Makes a guest, brings the repository into it and starts it. The answer comes when "
            "the app runs or has failed; with `Prefer: respond-async`, or when the wait is over, "
            "it is 202 and the work goes on. Without `resources` the framework's defaults hold."
        ),
        headers=DeployHeaders,
        body=deploy_body,
        body_example=EXAMPLE,
    )
)
def deploy() -> Response:
    """Deploy a repository."""
    spec = load_body(deploy_body(platform()))
    headers = load_headers(HEADERS)
    operation = deployments.create(platform(), actor(), spec, idempotency_key=headers.get("key"))
    prefer = waiting.preference(headers["prefer"])
    return waiting.answer(operation, prefer, done=DONE, accepted=ACCEPTED)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/api/deploy", view_func=deploy, methods=["POST"])
