"""What the processes say: one log file with one writer, and a short form on the terminal."""

import io
import json
import os
import re
import select
import sys
import time
from collections import deque
from datetime import datetime
from pathlib import Path
from typing import TextIO

from paas.logs import clean, timestamp

MAX_LINE = 64 * 1024
MAX_SHOWN = 400
MAX_FILE = 10 * 1024 * 1024
KEPT_FILES = 5
KEPT_UNSEEN = 12
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_RECORD = {"time", "level", "message"}
_LOUD = {"warning", "error", "critical"}


class LogFile:
    """An append-only file that is renamed to ``.1``, ``.2``, ... when it is full."""

    def __init__(self, path: Path, *, limit: int = MAX_FILE, kept: int = KEPT_FILES) -> None:
        self.path = path
        self.limit = limit
        self.kept = kept
        path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def append(self, line: str) -> None:
        """Add one line; the write is whole or raises ``OSError``."""
        data = line.encode("utf-8", "replace") + b"\n"
        if self._size and self._size + len(data) > self.limit:
            self._rotate()
        self._size += self._file.write(data) or 0

    def close(self) -> None:
        self._file.close()

    def _open(self) -> None:
        descriptor = os.open(
            self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        self._file = io.FileIO(descriptor, "a")
        self._size = os.fstat(descriptor).st_size

    def _rotate(self) -> None:
        self._file.close()
        names = [self.path] + [Path(f"{self.path}.{number}") for number in range(1, self.kept + 1)]
        for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
            if newer.exists():
                newer.replace(older)
        self._open()


class Terminal:
    """Shows lines to a person, and drops them while the terminal takes none.

    A stopped terminal (Ctrl-S) or a full pipe must never stop the platform.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self._stream = sys.stdout if stream is None else stream
        self.quiet = quiet
        """Show the manager's own sentences and what is wrong, not the everyday log."""

    def show(self, text: str) -> None:
        shown = _CONTROLS.sub("?", _ANSI.sub("", text))
        if len(shown) > MAX_SHOWN:
            shown = shown[:MAX_SHOWN] + "…"
        data = (shown + "\n").encode("utf-8", "replace")
        try:
            descriptor = self._stream.fileno()
            if select.select([], [descriptor], [], 0)[1]:
                os.write(descriptor, data)
        except OSError:
            # The terminal is gone; the log file still has every line.
            return


class Journal:
    """Takes the raw output of the processes, line by line, to the file and to the terminal."""

    def __init__(
        self, file: LogFile, terminal: Terminal, *, hushed: frozenset[str] = frozenset()
    ) -> None:
        """The everyday lines of the ``hushed`` roles are only for the file."""
        self._file = file
        self._terminal = terminal
        self._hushed = hushed
        self._unseen: dict[str, deque[str]] = {}
        self._parts: dict[tuple[str, int], bytes] = {}
        self._file_failed = False

    def say(self, message: str, *, level: str = "info") -> None:
        """A sentence of the process manager itself, for the person at the terminal."""
        self._store(_record("manager", level, message))
        self._terminal.show(message)

    def reveal(self, role: str) -> None:
        """Show the last lines of a role that were not shown: it has failed, and they say why."""
        for line in self._unseen.pop(role, ()):
            self._terminal.show(line)

    def collect(self, role: str, source: int, data: bytes) -> None:
        """Take what process ``source`` of ``role`` wrote; the end of a line may still be missing.

        A line that never ends is cut into pieces of ``MAX_LINE`` bytes.
        """
        buffer = self._parts.pop((role, source), b"") + data
        *lines, rest = buffer.split(b"\n")
        while len(rest) > MAX_LINE:
            lines.append(rest[:MAX_LINE])
            rest = rest[MAX_LINE:]
        if rest:
            self._parts[role, source] = rest
        for line in lines:
            self._line(role, source, line)

    def finish(self, role: str, source: int) -> None:
        """The process has closed its output: what is left is its last line."""
        rest = self._parts.pop((role, source), b"")
        if rest:
            self._line(role, source, rest)

    def close(self) -> None:
        for role, source in list(self._parts):
            self.finish(role, source)
        self._file.close()

    def _line(self, role: str, source: int, raw: bytes) -> None:
        text = raw.decode("utf-8", "replace").rstrip("\r")
        if not text.strip():
            return
        record = _parse(text)
        if record is None:
            record = _record(role, "info", clean(text), pid=source)
        record["role"] = role
        self._store(record)
        hushed = self._terminal.quiet or role in self._hushed
        if not hushed or record["level"] in _LOUD:
            self._terminal.show(_short(record))
        else:
            self._unseen.setdefault(role, deque(maxlen=KEPT_UNSEEN)).append(_short(record))

    def _store(self, record: dict[str, object]) -> None:
        try:
            self._file.append(json.dumps(record, ensure_ascii=False, default=str))
        except OSError as error:
            if not self._file_failed:
                self._terminal.show(f"cannot write {self._file.path}: {error.strerror}")
            self._file_failed = True
        else:
            self._file_failed = False


def _record(role: str, level: str, message: str, **fields: object) -> dict[str, object]:
    head = {"time": timestamp(time.time()), "level": level, "role": role}
    return {**head, **fields, "message": message}


def _parse(text: str) -> dict[str, object] | None:
    """The line as a record of ours, or None: a tool's own JSON is a message like any other."""
    if not text.startswith("{"):
        return None
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) and record.keys() >= _RECORD else None


def _short(record: dict[str, object]) -> str:
    """``12:30:01 worker-1  message (operation=7)``, in local time."""
    try:
        moment = datetime.fromisoformat(str(record["time"])).astimezone().strftime("%H:%M:%S")
    except ValueError:
        moment = "--:--:--"
    level = str(record["level"])
    mark = f"{level.upper()}: " if level in _LOUD else ""
    known = _RECORD | {"role", "pid", "logger", "exception"}
    fields = ", ".join(f"{name}={value}" for name, value in record.items() if name not in known)
    tail = f" ({fields})" if fields else ""
    if record.get("exception"):
        tail += " | " + str(record["exception"]).strip().splitlines()[-1]
    return f"{moment} {record['role']!s:<9} {mark}{record['message']}{tail}"
