"""Reading the app's own output from the files of a guest's supervisor."""

import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from paas.targets.contract import RuntimeLine
from paas.targets.local.sandbox.layout import log_folder


def tail(guest: Path, limit: int) -> Iterator[RuntimeLine]:
    """The last lines, oldest first."""
    lines: deque[bytes] = deque(maxlen=max(limit, 0))
    for name in ("app.log.1", "app.log"):
        try:
            with (log_folder(guest) / name).open("rb") as file:
                lines.extend(file)
        except FileNotFoundError:
            continue
    for line in lines:
        found = _parse(line)
        if found:
            yield found


def _parse(line: bytes) -> RuntimeLine | None:
    """A line that is only half written, or half lost in a power cut, is left out."""
    try:
        found = json.loads(line)
        return RuntimeLine(str(found["at"]), str(found["stream"]), str(found["text"]))
    except (ValueError, KeyError, TypeError):
        return None
