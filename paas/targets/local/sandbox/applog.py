"""The app's output: JSON lines in a file that is turned over when it is full."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

FULL = 5 * 1024 * 1024
LONGEST_LINE = 16 * 1024


def files(folder: Path) -> tuple[Path, Path]:
    """The older file and the one that is written."""
    return folder / "app.log.1", folder / "app.log"


class AppLog:
    """Writes lines; at most two files of ``FULL`` bytes are kept."""

    def __init__(self, folder: Path) -> None:
        self._older, self._path = files(folder)
        self._file = self._path.open("ab")

    def write(self, stream: str, text: str) -> None:
        """Add one line; the stream is stdout, stderr or supervisor."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"at": at, "stream": stream, "text": text}, ensure_ascii=False)
        data = line.encode("utf-8", "replace") + b"\n"
        if self._file.tell() + len(data) > FULL:
            self._file.close()
            self._path.replace(self._older)
            self._file = self._path.open("ab")
        self._file.write(data)
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class LineReader(asyncio.Protocol):
    """Cuts what a pipe brings into lines."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._pass_on(line)
        while len(rest) > LONGEST_LINE:
            self._pass_on(rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        self._rest = rest

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._rest:
            self._pass_on(self._rest)

    def _pass_on(self, line: bytes) -> None:
        """Longer lines come in pieces, so that no reader has to hold much."""
        for start in range(0, max(len(line), 1), LONGEST_LINE):
            self._on_line(line[start : start + LONGEST_LINE].decode("utf-8", "replace"))
