"""What happens to a deployment, as it happens: Server-Sent Events."""

import json
from collections.abc import Iterator
from datetime import UTC

from flask import Blueprint, Response

from paas.api.context import gate, platform
from paas.api.loading import load_headers, load_query
from paas.api.operations import Answer, Operation, documented
from paas.api.paths import DEPLOYMENT, app_id
from paas.api.platform.auth import actor
from paas.api.platform.schemas import EventsHeaders, EventsQuery
from paas.domain.errors import Busy
from paas.domain.views import EventView
from paas.services import deployments
from paas.services import events as happenings

# How soon a browser comes back after a stream broke, in milliseconds.
RECONNECT_MS = 1000
RETRY_AFTER = 5
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
                media="text/event-stream",
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
    leave = gate().enter()
    if leave is None:
        raise Busy(
            "Too many streams and waits are open on this platform; try again in a few seconds",
            retry_after=RETRY_AFTER,
        )
    stream = happenings.stream(platform(), actor(), app.id, seq)
    response = Response(_written(stream), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    # A stream that was never begun has no end of its own, so the place is given back here.
    response.call_on_close(leave)
    return response


def _written(stream: Iterator[EventView | None]) -> Iterator[str]:
    yield f"retry: {RECONNECT_MS}\n\n"
    for event in stream:
        yield ": still here\n\n" if event is None else _event(event)


def _event(event: EventView) -> str:
    """One event. JSON escapes newlines and controls, so that no text can end it or begin
    another."""
    at = event.at if event.at.tzinfo else event.at.replace(tzinfo=UTC)
    data = {
        "seq": event.seq,
        "kind": event.kind,
        "stream": event.stream,
        "text": event.text,
        "at": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return f"id: {event.seq}\nevent: {event.kind}\ndata: {json.dumps(data)}\n\n"


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/api/deployments/<deployment_id>/events", view_func=events)
