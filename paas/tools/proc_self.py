"""What the kernel tells others of this process, for one that is forked and runs no new program.

``/proc/<pid>/cmdline`` and ``environ`` are read from the memory in which a program was started.
A fork has a copy of that memory, which tells of its parent until it is written over.
"""

import ctypes
from pathlib import Path

# Fields of /proc/<pid>/stat, counted from the one after the name (proc(5) counts that as the
# third): where the arguments begin and end, then the environment.
ARGUMENTS = (45, 46)
ENVIRONMENT = (47, 48)


class NoRoom(ValueError):
    """The text does not fit into what the process was started with."""


def show_arguments(text: str) -> None:
    """Be shown under this command line, cut to the room that there is."""
    begin, end = _area(ARGUMENTS)
    _write(begin, end, text.encode("utf-8", "replace")[: max(end - begin - 1, 0)])


def show_environment(entry: str) -> None:
    """Be shown with this one entry as environment; raises ``NoRoom``.

    Nothing may rely any more on the environment that the process was started with: put what is
    needed of it into ``os.environ`` again, which lies elsewhere.
    """
    begin, end = _area(ENVIRONMENT)
    data = entry.encode() + b"\0"
    if len(data) > end - begin:
        raise NoRoom(f"an environment of {end - begin} bytes has no room for {len(data)}")
    _write(begin, end, data)


def _area(fields: tuple[int, int]) -> tuple[int, int]:
    told = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = (int(told[field]) for field in fields)
    return begin, end


def _write(begin: int, end: int, data: bytes) -> None:
    ctypes.memset(begin, 0, end - begin)
    ctypes.memmove(begin, data, len(data))
