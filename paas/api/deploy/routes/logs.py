"""What happened to a deployment, and what its app says."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.deploy import envelope
from paas.api.deploy.auth import actor
from paas.api.deploy.schemas import answers
from paas.api.deploy.schemas.parameters import RuntimeLogQuery
from paas.api.loading import load_query
from paas.api.operations import Answer, Operation, documented
from paas.api.paths import DEPLOYMENT, app_id
from paas.services import logs as written

LINE = {"at": "2025-11-25T10:05:33Z", "stream": "stdout", "text": "Listening at :8000"}


@documented(
    Operation(
        "logs",
        "Get the logs of a deployment",
        {
            200: Answer(
                "What the platform, Terraform and Ansible wrote, as one text",
                (answers.Logs,),
                {"success": True, "logs": "Terraform logs content here..."},
            ),
        },
        refusals=(404,),
        path=DEPLOYMENT,
    )
)
def logs(deployment_id: str) -> Response:
    """The log of a deployment's operations."""
    text = written.text(platform(), actor(), app_id(deployment_id))
    return envelope.success(answers.Logs, logs=text)


@documented(
    Operation(
        "logs",
        "Get what the app wrote",
        {
            200: Answer(
                "The last lines of the app's own output, oldest first",
                (answers.RuntimeLogs,),
                {"success": True, "logs": [LINE]},
            ),
        },
        refusals=(400, 404),
        path=DEPLOYMENT,
        query=RuntimeLogQuery,
    )
)
def runtime_logs(deployment_id: str) -> Response:
    """The app's own output."""
    limit = load_query(RuntimeLogQuery())["limit"]
    lines = written.runtime(platform(), actor(), app_id(deployment_id), limit)
    return envelope.success(answers.RuntimeLogs, logs=lines)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/deployments/<deployment_id>"
    blueprint.add_url_rule(f"{path}/logs", view_func=logs)
    blueprint.add_url_rule(f"{path}/runtime-logs", view_func=runtime_logs)
