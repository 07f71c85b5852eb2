"""Server-Sent Events: how a stream is answered, and how one event is written."""

import json
import time
from collections.abc import Callable, Iterator, Mapping

from flask import Response

from paas.api import identity
from paas.api.context import gate
from paas.domain.errors import Busy

MEDIA = "text/event-stream"
# How soon a browser comes back after a stream broke, in milliseconds.
RECONNECT_MS = 1000
RETRY_AFTER = 5
# A client comes back by itself after the end, and shows again who it is.
LONGEST_SECONDS = 15 * 60.0
WATCH_SECONDS = 60.0
KEEPALIVE = ": still here\n\n"


def answer(events: Iterator[str], is_same: Callable[[], bool] | None = None) -> Response:
    """Answer with written events as they come; raises ``Busy`` when too many streams are open.

    The stream ends after 15 minutes, and within a minute when the client is not who it was any
    more: signed out, revoked, in another role or tenant. ``is_same`` is asked in place of what
    the request showed.
    """
    leave = gate().enter()
    if leave is None:
        raise Busy(
            "Too many streams and waits are open on this platform; try again in a few seconds",
            retry_after=RETRY_AFTER,
        )
    response = Response(_begun(_bounded(events, is_same or identity.watch())), mimetype=MEDIA)
    response.headers["X-Accel-Buffering"] = "no"
    # A stream that was never begun has no end of its own, so the place is given back here.
    response.call_on_close(leave)
    return response


def _begun(events: Iterator[str]) -> Iterator[str]:
    yield f"retry: {RECONNECT_MS}\n\n"
    yield from events


def _bounded(events: Iterator[str], is_same: Callable[[], bool]) -> Iterator[str]:
    """The events for as long as a stream lasts; keepalives are among them, so it is seen soon."""
    begun = watched = clock()
    for event in events:
        now = clock()
        if now - begun >= LONGEST_SECONDS:
            return
        if now - watched >= WATCH_SECONDS:
            if not is_same():
                return
            watched = now
        yield event


def clock() -> float:
    """Seconds on a clock that is never set back."""
    return time.monotonic()


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
