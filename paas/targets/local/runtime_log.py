"""Reading the app's own output from the files of a guest's supervisor."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from paas.targets.contract import RuntimeLine
from paas.targets.local.sandbox.layout import log_folder

BLOCK = 64 * 1024


def tail(guest: Path, limit: int, *, since: str = "", search: str = "") -> Iterator[RuntimeLine]:
    """The last lines, oldest first; ``since`` and ``search`` leave lines out before they count.

    Read from the end, so that it takes as long as what is asked for, not as what there is.
    """
    chosen: list[RuntimeLine] = []
    for raw in _newest_first(guest):
        if len(chosen) >= limit:
            break
        line = _parse(raw)
        if line is None:
            continue
        if line.at < since:
            break
        if search in line.text:
            chosen.append(line)
    yield from reversed(chosen)


def _newest_first(guest: Path) -> Iterator[bytes]:
    with ExitStack() as stack:
        for file in _opened(log_folder(guest), stack):
            yield from _backwards(file)


def _opened(folder: Path, stack: ExitStack) -> list[BinaryIO]:
    """Both files, the one that is written first: were it turned over between the two looks, it
    would be found twice, and is read once."""
    found: list[BinaryIO] = []
    for name in ("app.log", "app.log.1"):
        try:
            file = stack.enter_context((folder / name).open("rb"))
        except FileNotFoundError:
            continue
        if not any(os.path.sameopenfile(file.fileno(), other.fileno()) for other in found):
            found.append(file)
    return found


def _backwards(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, the last one first."""
    place = file.seek(0, os.SEEK_END)
    rest: list[bytes] = []
    while place > 0:
        size = min(BLOCK, place)
        place = file.seek(place - size)
        first, newline, later = file.read(size).partition(b"\n")
        if not newline:
            rest.append(first)
            continue
        *lines, last = later.split(b"\n")
        yield b"".join([last, *reversed(rest)])
        yield from reversed(lines)
        rest = [first]
    yield b"".join(reversed(rest))


def _parse(line: bytes) -> RuntimeLine | None:
    """A line that is only half written, or half lost in a power cut, is left out."""
    try:
        found = json.loads(line)
        return RuntimeLine(str(found["at"]), str(found["stream"]), str(found["text"]))
    except (ValueError, KeyError, TypeError):
        return None
