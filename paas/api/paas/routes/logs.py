"""What an app writes: its newest lines, and a stream of those that follow."""

from functools import partial

from flask import Blueprint, Response

from paas import doors
from paas.api import runtime_lines, streams
from paas.api.context import platform
from paas.api.loading import load_headers, load_query
from paas.api.operations import Answer, Operation, documented
from paas.api.paas import envelope, examples
from paas.api.paas.auth import actor
from paas.api.paas.schemas.logs import (
    LogRow,
    LogRows,
    LogsQuery,
    StreamHeaders,
    StreamQuery,
    Ticket,
)
from paas.api.paths import app_id as known
from paas.domain.output import Line, Query
from paas.services import logs as written
from paas.services import tickets

STREAM = f"""\
id: {runtime_lines.EXAMPLE}
data: {{"timestamp":"2025-11-09T10:30:45Z","message":"Server started on port 5000","source":"app"}}

"""
ROW = LogRow()


@documented(
    Operation(
        "logs",
        "Get application logs",
        {
            200: Answer(
                "The newest lines of all replicas, merged by time, oldest first",
                (LogRows,),
                {"logs": [examples.LINE]},
            )
        },
        refusals=(400, 404, 503),
        description="What is in the application's environment never stands in them.",
        path=examples.APP,
        query=LogsQuery,
    )
)
def logs(app_id: str) -> Response:
    """The newest lines of an app."""
    given = load_query(LogsQuery())
    query = Query(given["limit"], given["since"], given["search"])
    found = written.latest(platform(), actor(), known(app_id), query)
    return envelope.success(LogRows, logs=found)


@documented(
    Operation(
        "logs",
        "Stream application logs",
        {
            200: Answer(
                "An event for each line; a comment line comes every 4 seconds of silence",
                example=STREAM,
                media=streams.MEDIA,
            )
        },
        refusals=(400, 404, 503),
        description=(
            "A stream that broke is taken up again with `Last-Event-ID`: no line is lost or comes "
            "twice. A browser's EventSource sends no header: it shows a `ticket`, and after a "
            "break a new one with `last_event_id`. An event `away` says why a stream ends."
        ),
        path=examples.APP,
        query=StreamQuery,
        headers=StreamHeaders,
    )
)
@doors.without_token
def stream(app_id: str) -> Response:
    """The lines of an app as they come."""
    given, headers = load_query(StreamQuery()), load_headers(StreamHeaders())
    key = known(app_id)
    ticket = given.get("ticket")
    who = tickets.redeem(platform(), key, ticket) if ticket else actor()
    after = headers["last"] or given["last_event_id"]
    query = Query(given["limit"], given["since"], given["search"])
    lines = written.follow(platform(), who, key, query, after, patient=True)
    is_same = partial(tickets.is_good, platform(), who) if ticket else None
    return streams.answer(runtime_lines.events(lines, _event, envelope.in_words), is_same)


def _event(mark: str, line: Line) -> str:
    return streams.plain(mark, ROW.dump(line))


@documented(
    Operation(
        "logs",
        "Get a ticket for a stream",
        {
            200: Answer(
                "It opens one stream of this application, once",
                (Ticket,),
                {"ticket": "Zm9yLWV4YW1wbGUtb25seQ", "expires_in": tickets.SECONDS},
            )
        },
        refusals=(404,),
        path=examples.APP,
    )
)
def ticket(app_id: str) -> Response:
    """A ticket for those who cannot send a header."""
    made = tickets.issue(platform(), actor(), known(app_id))
    return envelope.success(Ticket, ticket=made, expires_in=tickets.SECONDS)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/paas/apps/<app_id>/logs"
    blueprint.add_url_rule(path, view_func=logs)
    blueprint.add_url_rule(f"{path}/stream", view_func=stream)
    blueprint.add_url_rule(f"{path}/ticket", view_func=ticket, methods=["POST"])
