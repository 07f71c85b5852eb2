"""The query parameters and headers that document 001's operations take."""

from marshmallow import Schema, fields

from paas.api import rules
from paas.api.loading import StrictSchema
from paas.api.runtime_lines import LineId
from paas.domain.states import AppState

LISTED_STATES = tuple(state.value for state in AppState if state is not AppState.DELETED)


class ListQuery(StrictSchema):
    """How the list may be narrowed."""

    limit = rules.WrittenNumber("Invalid limit. Must be 1-1000", 1, 1000, load_default=1000)
    cursor = rules.text(
        "Invalid cursor. Follow the Link header of the page before",
        r"^[A-Za-z0-9_=-]{1,200}$",
    )
    status = rules.choice(
        f"Invalid status. Must be one of: {', '.join(LISTED_STATES)}",
        LISTED_STATES,
    )
    search = rules.printable(
        "Invalid search. Must be 1-100 printable characters", 100, load_default=None
    )


class RuntimeLogQuery(StrictSchema):
    """Which lines of the app are wanted."""

    limit = rules.WrittenNumber("Invalid limit. Must be 1-10000", 1, 10_000, load_default=500)
    since = rules.Time(
        "Invalid since. Must be a time in ISO 8601, such as 2025-11-25T10:05:33Z",
        load_default="",
        metadata={"description": "Leaves older lines out; without a zone it is UTC"},
    )
    search = rules.printable(
        "Invalid search. Must be 1-200 printable characters",
        200,
        load_default="",
        metadata={"description": "Leaves lines without this text out, whatever its case"},
    )
    follow = rules.choice(
        "Invalid follow. Must be 0 or 1",
        ("0", "1"),
        load_default="0",
        metadata={"description": "1 answers with events: these lines, and those that follow"},
    )


class RuntimeLogHeaders(Schema):
    """How a stream that broke is taken up again."""

    last = LineId(
        "Last-Event-ID",
        data_key="Last-Event-ID",
        load_default=None,
        metadata={"description": "What a browser sends to resume; of use with `follow` alone"},
    )


class WaitHeaders(Schema):
    """How a request that starts long work wants to be answered."""

    prefer = fields.String(
        data_key="Prefer",
        load_default="",
        metadata={
            "description": "RFC 7240: `respond-async` answers at once, `wait=N` after at most "
            "N seconds. Without it the answer waits for the end of the work.",
            "example": "respond-async",
        },
    )


class DeployHeaders(WaitHeaders):
    key = rules.text(
        "Invalid Idempotency-Key. Must be 1-255 visible ASCII characters",
        r"^[!-~]{1,255}$",
        data_key="Idempotency-Key",
        metadata={
            "description": "The same key with the same body within 24 hours is the same "
            "deployment; with another body it is refused.",
        },
    )
