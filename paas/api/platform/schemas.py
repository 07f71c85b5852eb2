"""What streams and downloads take."""

from marshmallow import Schema

from paas.api import rules
from paas.api.loading import StrictSchema

MOST = 10**18 - 1
AFTER = "Invalid after. Must be the number of an event"
LAST = "Invalid Last-Event-ID. Must be the number of an event"


class EventsQuery(StrictSchema):
    after = rules.WrittenNumber(
        AFTER,
        0,
        MOST,
        load_default=0,
        metadata={"description": "Begin after this event; 0 is the very beginning"},
    )


class EventsHeaders(Schema):
    last = rules.WrittenNumber(
        LAST,
        0,
        MOST,
        data_key="Last-Event-ID",
        metadata={"description": "What a browser sends to resume; it wins over `after`"},
    )
