"""What happens to a deployment, as it happens: Server-Sent Events."""

from datetime import UTC

from flask import Blueprint, Response

from paas.api import streams
from paas.api.context import platform
from paas.api.loading import load_headers, load_query
from paas.api.operations import Answer, Operation, documented
from paas.api.paths import DEPLOYMENT, app_id
from paas.api.platform.auth import actor
from paas.api.platform.schemas import EventsHeaders, EventsQuery
from paas.domain.views import EventView
from paas.services import deployments
from paas.services import events as happenings

EXAMPLE = """\
id: 7
event: log
data: {"seq": 7, "kind": "log", "stream": "terraform", "text": "Apply complete!", "at": "..."}

"""


@documented(
    Operation(
        "logs",
        "Follow a deployment",
        {
            200: Answer(
                "An event for every change of state (`status`), step (`step`) and line (`log`); "
                "its `data` is a JSON object with seq, kind, stream, text and at. A comment line "
                "comes every 4 seconds when nothing happens",
                example=EXAMPLE,
                media=streams.MEDIA,
            )
        },
        refusals=(400, 404, 503),
        path=DEPLOYMENT,
        query=EventsQuery,
        headers=EventsHeaders,
    )
)
def events(deployment_id: str) -> Response:
    """The deployment's story from a place on, and everything that follows."""
    query, headers = load_query(EventsQuery()), load_headers(EventsHeaders())
    seq = headers.get("last", query["after"])
    app = deployments.get(platform(), actor(), app_id(deployment_id))
    return streams.answer(map(_written, happenings.stream(platform(), actor(), app.id, seq)))


def _written(event: EventView | None) -> str:
    if event is None:
        return streams.KEEPALIVE
    at = event.at if event.at.tzinfo else event.at.replace(tzinfo=UTC)
    data = {
        "seq": event.seq,
        "kind": event.kind,
        "stream": event.stream,
        "text": event.text,
        "at": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return streams.written(str(event.seq), event.kind, data)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/api/deployments/<deployment_id>/events", view_func=events)
