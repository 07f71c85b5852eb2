"""Event streams, read so that a broken line loses nothing."""

import http.client
import json
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from paas.cli.client import Answer, Client, Json, failure_of
from paas.cli.exits import UNREACHABLE, CliFailure

Item = TypeVar("Item")

SILENCE = 30.0
"""The platform sends a keepalive every few seconds; a line silent for so long is dead."""
PATIENCE = 120.0
"""For how long a platform that went away is waited for."""
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Event:
    """One entry of a deployment's story: ``kind`` is status, step or log; ``at`` is ISO 8601 in
    UTC."""

    seq: int
    kind: str
    stream: str
    text: str
    at: str


@dataclass(frozen=True)
class Block:
    """One entry of a text/event-stream as it is written: ``data`` is still JSON."""

    key: str
    kind: str
    data: str

    @property
    def document(self) -> Json:
        """The data, or nothing when it is no JSON object."""
        try:
            found = json.loads(self.data)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def blocks(lines: Iterable[bytes]) -> Iterator[Block]:
    """The entries in the lines of a text/event-stream; those without data are left out."""
    key, kind = "", "message"
    data: list[str] = []
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if data:
                yield Block(key, kind, "\n".join(data))
            key, kind, data = "", "message", []
        elif name == "id":
            key = value
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)


def event_of(block: Block) -> Event | None:
    """The event in a block; None when it cannot be read."""
    found = block.document
    seq = found.get("seq")
    if not isinstance(seq, int):
        return None
    texts = {name: str(found.get(name) or "") for name in ("kind", "stream", "text", "at")}
    return Event(seq, texts["kind"] or block.kind, texts["stream"], texts["text"], texts["at"])


class Line(Generic[Item]):
    """A stream that is opened again, after the last entry seen, whenever it breaks.

    ``read`` makes an item of a block, or None of one that is not wanted; it may raise
    CliFailure. Iterating never ends by itself: whoever reads asks ``lost_for`` how long the
    platform has been away. A refusal (404, 401) raises CliFailure.
    """

    def __init__(self, client: Client, path: str, read: Callable[[Block], Item | None]) -> None:
        self._client = client
        self._path = path
        self._read = read
        self._lost_at: float | None = None
        self._failures = 0
        self._last = ""

    @property
    def lost_for(self) -> float:
        """Seconds since the line broke, 0 while it stands."""
        return 0.0 if self._lost_at is None else time.monotonic() - self._lost_at

    def __iter__(self) -> Iterator[Item]:
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

    def _once(self) -> Iterator[Item]:
        headers = {"Accept": "text/event-stream"}
        if self._last:
            headers["Last-Event-ID"] = self._last
        response = self._client.open("GET", self._path, headers=headers, timeout=SILENCE)
        try:
            if response.status != 200:
                raise failure_of(Answer(response.status, {}, response.read(65536)))
            self._lost_at = None
            for block in blocks(response):
                item = self._read(block)
                if block.key and block.key == self._last:
                    continue
                if item is not None:
                    self._failures = 0
                    self._last = block.key or self._last
                    yield item
        finally:
            response.close()


def happenings(client: Client, app_id: str) -> Line[Event]:
    """What happens to one deployment, from its first event on."""
    return Line(client, f"/api/deployments/{app_id}/events", event_of)


class Pump(Generic[Item]):
    """Reads a line in a thread of its own, so that its reader can do something in between."""

    def __init__(self, line: Line[Item]) -> None:
        self.line = line
        self._queue: queue.SimpleQueue[Item | CliFailure] = queue.SimpleQueue()
        # A daemon, because it may wait for a silent socket when the command ends.
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            for item in self.line:
                self._queue.put(item)
        except CliFailure as refused:
            self._queue.put(refused)

    def next(self, timeout: float) -> Item | None:
        """The next item, or None when none came in ``timeout`` seconds."""
        try:
            found = self._queue.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(found, CliFailure):
            raise found
        return found
