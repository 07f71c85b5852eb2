"""Reading the app's own output from the files of a guest's supervisor."""

import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from paas.targets.contract import RuntimeLine
from paas.targets.local.sandbox.layout import log_folder


def tail(guest: Path, limit: int, *, since: str = "", search: str = "") -> Iterator[RuntimeLine]:
    """The last lines, oldest first; ``since`` and ``search`` leave lines out before they count."""
    if not since and not search:
        kept: deque[bytes] = deque(_raw(guest), maxlen=max(limit, 0))
        yield from (line for raw in kept if (line := _parse(raw)))
        return
    lines = (line for raw in _raw(guest) if (line := _parse(raw)))
    chosen = (line for line in lines if line.at >= since and search in line.text)
    yield from deque(chosen, maxlen=max(limit, 0))


def _raw(guest: Path) -> Iterator[bytes]:
    for name in ("app.log.1", "app.log"):
        try:
            with (log_folder(guest) / name).open("rb") as file:
                yield from file
        except FileNotFoundError:
            continue


def _parse(line: bytes) -> RuntimeLine | None:
    """A line that is only half written, or half lost in a power cut, is left out."""
    try:
        found = json.loads(line)
        return RuntimeLine(str(found["at"]), str(found["stream"]), str(found["text"]))
    except (ValueError, KeyError, TypeError):
        return None
