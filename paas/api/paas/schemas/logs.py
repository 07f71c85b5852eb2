"""Which lines of an app are wanted, and how they are shown."""

from typing import Any

from marshmallow import Schema, fields

from paas.api import rules
from paas.api.loading import StrictSchema
from paas.api.runtime_lines import LineId
from paas.domain import moments

LIMIT = "Invalid limit. Must be 1-10000"
UNREADABLE = "1970-01-01T00:00:00Z"


class LogsQuery(StrictSchema):
    """Which lines are wanted: the newest ones."""

    since = rules.Time(
        "Invalid since. Must be a time in ISO 8601, such as 2025-11-09T00:00:00Z",
        load_default="",
        metadata={"description": "Leaves older lines out; without a zone it is UTC"},
    )
    limit = rules.WrittenNumber(LIMIT, 1, 10_000, load_default=1000)
    search = rules.printable(
        "Invalid search. Must be 1-200 printable characters",
        200,
        load_default="",
        metadata={"description": "Leaves lines without this text out, whatever its case"},
    )


class StreamQuery(LogsQuery):
    """Which lines a stream begins with; every one that follows comes, if it has the text."""

    limit = rules.WrittenNumber(LIMIT, 1, 10_000, load_default=100)
    ticket = rules.text(
        "Invalid ticket. Get one from logs/ticket",
        r"^[A-Za-z0-9_-]{1,100}$",
        metadata={"description": "In place of the Authorization header"},
    )
    last_event_id = LineId(
        "last_event_id",
        load_default=None,
        metadata={"description": "In place of the Last-Event-ID header"},
    )


class StreamHeaders(Schema):
    """How a stream that broke is taken up again."""

    last = LineId(
        "Last-Event-ID",
        data_key="Last-Event-ID",
        load_default=None,
        metadata={"description": "The id of the last line that came; browsers send it themselves"},
    )


def timestamp(at: str) -> str:
    """The time of a line to the second; the guest wrote it, and may have written anything."""
    try:
        return f"{moments.canonical(at)[:19]}Z"
    except ValueError:
        return UNREADABLE


class Timestamp(fields.String):
    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        return super()._serialize(timestamp(value), attr, obj, **options)


class LogRow(StrictSchema):
    """A line of the app; ``source`` is ``app``, with the replica's number where there are
    several (``app.2``), ``supervisor`` for what looks after it, or ``platform``."""

    timestamp = Timestamp(required=True, attribute="at")
    message = fields.String(required=True, attribute="text")
    source = fields.String(required=True)


class LogRows(StrictSchema):
    logs = fields.List(fields.Nested(LogRow), required=True)


class Ticket(StrictSchema):
    """What a browser shows as ``?ticket=``, once, within ``expires_in`` seconds."""

    ticket = fields.String(required=True)
    expires_in = fields.Integer(required=True)
