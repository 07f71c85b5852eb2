"""The event stream of one deployment, read so that a broken line loses nothing."""

import http.client
import json
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from paas.cli.client import Answer, Client, failure_of
from paas.cli.exits import UNREACHABLE, CliFailure

SILENCE = 30.0
"""The platform sends a keepalive every few seconds; a line silent for so long is dead."""
PATIENCE = 120.0
"""For how long a platform that went away is waited for."""
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Event:
    """One entry: ``kind`` is status, step or log; ``at`` is ISO 8601 in UTC."""

    seq: int
    kind: str
    stream: str
    text: str
    at: str


def parse(lines: Iterable[bytes]) -> Iterator[Event]:
    """The events in the lines of a text/event-stream; what cannot be read is left out."""
    kind = "message"
    data: list[str] = []
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            event = _event(kind, "\n".join(data)) if data else None
            if event is not None:
                yield event
            kind, data = "message", []
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)


def _event(kind: str, data: str) -> Event | None:
    try:
        found = json.loads(data)
    except ValueError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("seq"), int):
        return None
    texts = {name: str(found.get(name) or "") for name in ("kind", "stream", "text", "at")}
    return Event(found["seq"], texts["kind"] or kind, texts["stream"], texts["text"], texts["at"])


class Line:
    """A stream of events that is opened again, after the last event seen, whenever it breaks.

    ``last`` is the sequence number of the last event seen. Iterating never ends by itself:
    whoever reads asks ``lost_for`` how long the platform has been away. A refusal (404, 401)
    raises CliFailure.
    """

    def __init__(self, client: Client, app_id: str, after: int = 0) -> None:
        self._client = client
        self._path = f"/api/deployments/{app_id}/events"
        self._lost_at: float | None = None
        self._failures = 0
        self.last = after

    @property
    def lost_for(self) -> float:
        """Seconds since the line broke, 0 while it stands."""
        return 0.0 if self._lost_at is None else time.monotonic() - self._lost_at

    def __iter__(self) -> Iterator[Event]:
        while True:
            try:
                yield from self._once()
            except (OSError, http.client.HTTPException):
                pass
            except CliFailure as refused:
                if refused.code != UNREACHABLE:
                    raise
            self._lost_at = self._lost_at or time.monotonic()
            time.sleep(PAUSES[min(self._failures, len(PAUSES) - 1)])
            self._failures += 1

    def _once(self) -> Iterator[Event]:
        headers = {"Accept": "text/event-stream"}
        if self.last:
            headers["Last-Event-ID"] = str(self.last)
        response = self._client.open("GET", self._path, headers=headers, timeout=SILENCE)
        try:
            if response.status != 200:
                raise failure_of(Answer(response.status, {}, response.read(65536)))
            self._lost_at = None
            for event in parse(response):
                self._failures = 0
                if event.seq > self.last:
                    self.last = event.seq
                    yield event
        finally:
            response.close()


class Pump:
    """Reads a line in a thread of its own, so that its reader can do something in between."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._queue: queue.SimpleQueue[Event | CliFailure] = queue.SimpleQueue()
        # A daemon, because it may wait for a silent socket when the command ends.
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            for event in self.line:
                self._queue.put(event)
        except CliFailure as refused:
            self._queue.put(refused)

    def next(self, timeout: float) -> Event | None:
        """The next event, or None when none came in ``timeout`` seconds."""
        try:
            found = self._queue.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(found, CliFailure):
            raise found
        return found
