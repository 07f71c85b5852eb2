"""Bytes of a program's output, passed on as lines of text."""

import os
from collections.abc import Callable

OnLine = Callable[[str], None]

LIMIT = 64 * 1024


class LineReader:
    """Reads a descriptor and calls ``on_line`` for each line, without its newline.

    Lines over 64 KiB come in pieces; bytes that are not UTF-8 come as replacement characters.
    """

    def __init__(self, descriptor: int, on_line: OnLine) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._on_line = on_line
        self._rest = b""

    def read(self) -> bool:
        """Read once what is there; False at the end of the stream."""
        try:
            data = os.read(self._descriptor, LIMIT)
        except BlockingIOError:
            return True
        if data:
            self._feed(data)
        return bool(data)

    def drain(self) -> None:
        """Read what is there without waiting for more, and pass on an unfinished line.

        The stream may still be held open by a process that outlives the program.
        """
        while True:
            try:
                data = os.read(self._descriptor, LIMIT)
            except BlockingIOError:
                break
            if not data:
                break
            self._feed(data)
        if self._rest:
            self._emit(self._rest)
            self._rest = b""

    def _feed(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            for piece in _pieces(line):
                self._emit(piece)
        *pieces, self._rest = _pieces(rest)
        for piece in pieces:
            self._emit(piece)

    def _emit(self, line: bytes) -> None:
        self._on_line(line.removesuffix(b"\r").decode("utf-8", "replace"))


def _pieces(line: bytes) -> list[bytes]:
    """Cut at 64 KiB, never inside a character; always at least one piece."""
    pieces = []
    while len(line) > LIMIT:
        cut = LIMIT
        while cut > LIMIT - 4 and line[cut] & 0xC0 == 0x80:
            cut -= 1
        pieces.append(line[:cut])
        line = line[cut:]
    return [*pieces, line]
