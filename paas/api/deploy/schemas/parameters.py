"""The query parameters and headers that document 001's operations take."""

from marshmallow import Schema, fields

from paas.api import rules
from paas.api.loading import StrictSchema
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
    limit = rules.WrittenNumber("Invalid limit. Must be 1-10000", 1, 10_000, load_default=500)


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
