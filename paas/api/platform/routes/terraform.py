"""The way home: an app's Terraform configuration, values and state."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.operations import Answer, Operation, documented
from paas.api.paths import DEPLOYMENT, app_id
from paas.api.platform.auth import actor
from paas.services import deployments, downloads


@documented(
    Operation(
        "deployments",
        "Take a deployment home",
        {
            200: Answer(
                "A zip with configuration, values, state and a README; "
                "`terraform plan` on it says that nothing would change",
                media="application/zip",
            )
        },
        refusals=(404, 409),
        path=DEPLOYMENT,
    )
)
def terraform(deployment_id: str) -> Response:
    """The Terraform files of one deployment."""
    app = deployments.get(platform(), actor(), app_id(deployment_id))
    content = downloads.terraform_zip(platform(), actor(), app.id)
    response = Response(content, mimetype="application/zip")
    response.headers.set("Content-Disposition", "attachment", filename=f"{app.name}-terraform.zip")
    return response


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/api/deployments/<deployment_id>/terraform", view_func=terraform)
