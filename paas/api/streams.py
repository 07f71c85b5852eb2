"""Server-Sent Events: how a stream is answered, and how one event is written."""

import json
from collections.abc import Iterator, Mapping

from flask import Response

from paas.api.context import gate
from paas.domain.errors import Busy

MEDIA = "text/event-stream"
# How soon a browser comes back after a stream broke, in milliseconds.
RECONNECT_MS = 1000
RETRY_AFTER = 5
KEEPALIVE = ": still here\n\n"


def answer(events: Iterator[str]) -> Response:
    """Answer with written events as they come; raises ``Busy`` when too many streams are open."""
    leave = gate().enter()
    if leave is None:
        raise Busy(
            "Too many streams and waits are open on this platform; try again in a few seconds",
            retry_after=RETRY_AFTER,
        )
    response = Response(_begun(events), mimetype=MEDIA)
    response.headers["X-Accel-Buffering"] = "no"
    # A stream that was never begun has no end of its own, so the place is given back here.
    response.call_on_close(leave)
    return response


def _begun(events: Iterator[str]) -> Iterator[str]:
    yield f"retry: {RECONNECT_MS}\n\n"
    yield from events


def told(kind: str, data: Mapping[str, object]) -> str:
    """One event that cannot be come back to; JSON escapes newlines and controls, so that no text
    can end it or begin another. ``kind`` must be a word of ours."""
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"


def written(key: str, kind: str, data: Mapping[str, object]) -> str:
    """One event with the id that a client comes back with, a word of ours too."""
    return f"id: {key}\n{told(kind, data)}"


def plain(key: str, data: Mapping[str, object]) -> str:
    """One event without a kind of its own, which a browser gives to ``onmessage``."""
    return f"id: {key}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
