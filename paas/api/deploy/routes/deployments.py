"""The deployments that there are: all, one, and one no more."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.deploy import envelope, waiting
from paas.api.deploy.auth import actor
from paas.api.deploy.schemas import answers
from paas.api.deploy.schemas.parameters import ListQuery, WaitHeaders
from paas.api.loading import load_query
from paas.api.operations import Answer, Operation, documented
from paas.api.paths import DEPLOYMENT, app_id, next_page
from paas.services import deployments

DELETED = "Deployment deleted successfully"
DELETING = "Deletion accepted"
LISTED = {
    "id": "2f0c1f8e-6f0b-4b43-8f0e-0d2c6a3b9d11",
    "name": "mon-app-1",
    "deployment_type": "vm",
    "framework": "django",
    "github_url": "https://github.com/user/repo",
    "resources": {"cores": 2, "memory": 2048, "disk": 20},
    "status": "running",
    "created_at": "2025-11-25T10:00:00Z",
    "deployed_at": "2025-11-25T10:05:32Z",
    "ip_address": "192.168.100.10",
    "vm_id": 100,
    "error_message": None,
}
SHOWN = LISTED | {
    "access_url": "http://192.168.100.10:8000",
    "port": 8000,
    "branch": None,
    "commit": "8f14e45fceea167a5a36dedd4bea2543c1f1c3aa",
    "release": 1,
    "operation": None,
    "step": None,
    "node": "pve1",
}


@documented(
    Operation(
        "deployments",
        "List the deployments",
        {
            200: Answer(
                "Newest first; deleted ones have left the list",
                (answers.Listed,),
                {"success": True, "deployments": [LISTED]},
                headers={"Link": 'The next page, `rel="next"`, unless this is the last'},
            ),
        },
        refusals=(400,),
        query=ListQuery,
    )
)
def listed() -> Response:
    """A page of deployments."""
    query = load_query(ListQuery())
    page = deployments.page(
        platform(),
        actor(),
        limit=query["limit"],
        cursor=query.get("cursor"),
        search=query.get("search"),
        state=query.get("status"),
    )
    headers = next_page(page.next_cursor)
    return envelope.success(answers.Listed, headers=headers, deployments=page.apps)


@documented(
    Operation(
        "deployments",
        "Get one deployment",
        {
            200: Answer(
                "The deployment, a deleted one too",
                (answers.Shown,),
                {"success": True, "deployment": SHOWN},
            ),
        },
        refusals=(404,),
        path=DEPLOYMENT,
    )
)
def shown(deployment_id: str) -> Response:
    """One deployment with what it is doing now."""
    app = deployments.get(platform(), actor(), app_id(deployment_id))
    return envelope.success(answers.Shown, deployment=app)


@documented(
    Operation(
        "deployments",
        "Delete a deployment",
        {
            200: Answer(
                "The deployment and its guest are gone",
                (envelope.Message,),
                {"success": True, "message": DELETED},
            ),
            202: waiting.going(DELETING),
        },
        refusals=(404,),
        description=(
            "Destroys the guest with all its data, in whatever state the deployment is. Deleting "
            "a deleted one succeeds again."
        ),
        path=DEPLOYMENT,
        headers=WaitHeaders,
    )
)
def delete(deployment_id: str) -> Response:
    """Delete a deployment."""
    prefer = waiting.load_preference()
    if deployments.delete(platform(), actor(), app_id(deployment_id)) is None:
        return envelope.success(envelope.Message, message=DELETED)
    return waiting.deleted(app_id(deployment_id), prefer, done=DELETED, accepted=DELETING)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/deployments/<deployment_id>"
    blueprint.add_url_rule("/api/deployments", view_func=listed)
    blueprint.add_url_rule(path, view_func=shown)
    blueprint.add_url_rule(path, view_func=delete, methods=["DELETE"])
