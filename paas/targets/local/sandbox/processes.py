"""Process trees, their memory and their sockets, as /proc shows them."""

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE")
MB = 1024 * 1024
LISTEN = "0A"
REACHED_AT_LOOPBACK = {
    "0100007F",
    "00000000",
    "00000000000000000000000000000000",
    "0000000000000000FFFF00000100007F",
    "0000000000000000FFFF000000000000",
}
LOOPBACK_6 = "00000000000000000000000001000000"


class Listener(NamedTuple):
    """A listening TCP socket; ``address`` is the kernel's hexadecimal form."""

    address: str
    port: int
    inode: int


def descendants(root: int) -> list[int]:
    """All living processes below ``root``, parents before their children."""
    found: list[int] = []
    queue = [root]
    while queue:
        below = children(queue.pop(0))
        found += below
        queue += below
    return found


def children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in (PROC / str(pid) / "task").iterdir():
            found += [int(word) for word in (task / "children").read_text().split()]
    except OSError:
        return found
    return found


def is_running(pid: int) -> bool:
    """Whether the process is there, and not merely waiting to be collected."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def send_signal(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each process that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def memory(pids: list[int], limit: int) -> int:
    """The memory of some processes in MB.

    The cheap sum counts pages that processes share once for each of them; where it says more
    than ``limit``, the exact count decides, in which a shared page counts once.
    """
    resident = sum(_resident(pid) for pid in pids) // MB
    if resident <= limit:
        return resident
    return sum(_proportional(pid) for pid in pids) // MB


def _resident(pid: int) -> int:
    try:
        return int((PROC / str(pid) / "statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return _resident(pid)
    return 0


def listeners(pids: Iterable[int]) -> tuple[list[Listener], list[Listener]]:
    """The listening sockets of the machine: those of the given processes, and the others."""
    inodes = {inode for pid in pids for inode in _sockets(pid)}
    ours: list[Listener] = []
    others: list[Listener] = []
    for listener in _all_listeners():
        (ours if listener.inode in inodes else others).append(listener)
    return ours, others


def _sockets(pid: int) -> Iterator[int]:
    try:
        for entry in (PROC / str(pid) / "fd").iterdir():
            target = str(entry.readlink())
            if target.startswith("socket:["):
                yield int(target[8:-1])
    except OSError:
        return


def _all_listeners() -> Iterator[Listener]:
    for table in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == LISTEN:
                address, _, port = fields[1].partition(":")
                yield Listener(address, int(port, 16), int(fields[9]))


def environment(pid: int) -> set[bytes]:
    """The entries of a process's environment as it was at its start; empty if it is gone."""
    try:
        return set((PROC / str(pid) / "environ").read_bytes().split(b"\0"))
    except OSError:
        return set()


def marked(*marks: str) -> list[int]:
    """All processes but this one whose environment holds every one of the marks."""
    wanted = {mark.encode() for mark in marks}
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return [pid for pid in pids if pid != os.getpid() and wanted <= environment(pid)]


def of_user(uid: int) -> list[int]:
    """All processes of a user."""
    found = []
    for entry in PROC.iterdir():
        try:
            if entry.name.isdigit() and entry.stat().st_uid == uid:
                found.append(int(entry.name))
        except OSError:
            continue
    return [pid for pid in found if is_running(pid)]
