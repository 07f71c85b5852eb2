"""What happened to a deployment, and what its app says."""

from flask import Blueprint, Response

from paas.api import runtime_lines, streams
from paas.api.context import platform
from paas.api.deploy import envelope
from paas.api.deploy.auth import actor
from paas.api.deploy.schemas import answers
from paas.api.deploy.schemas.parameters import RuntimeLogHeaders, RuntimeLogQuery
from paas.api.loading import load_headers, load_query
from paas.api.operations import Answer, Operation, documented
from paas.api.paths import DEPLOYMENT, app_id
from paas.domain import moments
from paas.domain.output import Line, Query
from paas.services import logs as written

EVENT = f"""\
id: {runtime_lines.EXAMPLE}
event: line
data: {{"at": "2025-11-25T10:05:33.120Z", "stream": "stdout", "text": "Listening at :8000"}}

"""
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
                "The last lines of the app's own output, oldest first; or, with `follow=1`, an "
                "event for each of them and for each that follows",
                (answers.RuntimeLogs,),
                {"success": True, "logs": [LINE]},
                also={streams.MEDIA: EVENT},
            ),
        },
        refusals=(400, 404, 409, 503),
        description=(
            "A stream that breaks is taken up again with `Last-Event-ID`. A comment line comes "
            "every 4 seconds when nothing happens; an event `away` says why a stream ends."
        ),
        path=DEPLOYMENT,
        query=RuntimeLogQuery,
        headers=RuntimeLogHeaders,
    )
)
def runtime_logs(deployment_id: str) -> Response:
    """The app's own output."""
    given, headers = load_query(RuntimeLogQuery()), load_headers(RuntimeLogHeaders())
    key = app_id(deployment_id)
    query = Query(given["limit"], given["since"], given["search"])
    if given["follow"] == "1":
        lines = written.follow(platform(), actor(), key, query, headers["last"])
        return streams.answer(runtime_lines.events(lines, _event))
    found = written.runtime(platform(), actor(), key, query)
    return envelope.success(answers.RuntimeLogs, logs=found)


def _event(mark: str, line: Line) -> str:
    data = {"at": moments.shown(line.at), "stream": line.stream, "text": line.text}
    if "." in line.source:
        # Only where there are several replicas is it worth saying which.
        data["source"] = line.source
    return streams.written(mark, "line", data)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/deployments/<deployment_id>"
    blueprint.add_url_rule(f"{path}/logs", view_func=logs)
    blueprint.add_url_rule(f"{path}/runtime-logs", view_func=runtime_logs)
