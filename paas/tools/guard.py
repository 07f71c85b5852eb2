"""Run one program and end all its descendants when the worker is gone.

Run as ``python -I -S guard.py --keepalive-fd N --seconds S [--file-bytes B] -- ARGV``. It needs
the standard library only, because it starts before every outside program and must start fast.

The guard is a child subreaper, so a descendant that forks twice or opens a session of its own
becomes its child instead of leaving. The worker holds the other end of ``N`` and writes a byte
now and then. When that end closes, or is silent for ``S`` seconds, every descendant is killed
and the guard ends itself with SIGKILL, which no exit code of the program can be taken for.
Otherwise the guard ends as its program does: the exit code, or 128 + signal.

``watch_over`` is the same for a program that is forked and not started anew.

Spared with all their descendants are processes that carry ``PAAS_SUPERVISOR`` in their
environment and belong to the guard's user: what runs guests must outlive who made them.
"""

# ruff: noqa: PTH116, PTH123, PTH208
# pathlib would double the time that the guard takes to start.

import os
import resource
import select
import signal
import sys
import time

# Type checkers take it for typing's, whose import would take longer than the guard's others.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SPARED = b"PAAS_SUPERVISOR="
GIVE_UP = 10.0
IGNORED = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
RESTORED = (*IGNORED, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ)
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main(arguments: list[str]) -> int:
    """Guard one program; the result is its exit code as a shell would give it."""
    split = arguments.index("--")
    options = dict(zip(arguments[:split:2], arguments[1:split:2], strict=True))
    argv = arguments[split + 1 :]
    file_bytes = int(options.get("--file-bytes", "0"))
    keepalive = int(options["--keepalive-fd"])
    os.set_inheritable(keepalive, False)
    seconds = float(options["--seconds"])
    return watch_over(lambda: _become(argv, file_bytes), keepalive, seconds)


def watch_over(become: "Callable[[], object]", keepalive: int, seconds: float) -> int:
    """Run ``become`` in a child, and end it with all descendants when the worker is gone.

    The result is the child's exit code. When the worker is gone this process ends by SIGKILL.
    ``become`` is not expected to return.
    """
    if os.getsid(0) != os.getpid():
        os.setsid()
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    wakeup = _wake_on_children()
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    child = _start(become)
    code = _watch(child, keepalive, wakeup, seconds)
    kill_descendants()
    if code is None:
        os.kill(os.getpid(), signal.SIGKILL)
    return code if code is not None else 128 + signal.SIGKILL


def _watch(child: int, keepalive: int, wakeup: int, seconds: float) -> int | None:
    """The child's exit code, or None when the worker closed the pipe or fell silent."""
    code = None
    last = time.monotonic()
    while code is None:
        patience = last + seconds - time.monotonic()
        if patience <= 0:
            return None
        ready, _, _ = select.select([keepalive, wakeup], [], [], patience)
        if keepalive in ready:
            if not _read(keepalive):
                return None
            last = time.monotonic()
        if wakeup in ready:
            os.read(wakeup, 4096)
        code = _reap(child)
    return code


def _read(keepalive: int) -> bytes:
    try:
        return os.read(keepalive, 4096)
    except OSError:
        return b""


def _reap(child: int) -> int | None:
    """Collect every dead child; the exit code of ``child`` if it is among them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            code = code if code >= 0 else 128 - code


def _start(become: "Callable[[], object]") -> int:
    """Start the program so that it dies with the guard even if the guard is killed itself."""
    child = os.fork()
    if child:
        return child
    try:
        signal.set_wakeup_fd(-1)
        for number in RESTORED:
            signal.signal(number, signal.SIG_DFL)
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        become()
    finally:
        os._exit(127)


def _become(argv: list[str], file_bytes: int) -> None:
    try:
        if file_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
        os.execvp(argv[0], argv)  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"{argv[0]} cannot be started: {error.strerror}\n")
        sys.stderr.flush()


def _wake_on_children() -> int:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.set_blocking(reading, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading


def _prctl(option: int, value: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def kill_descendants() -> None:
    """Kill every descendant of this process that is not spared, until none is left.

    What cannot be killed (another user's, or stuck in the kernel) is given up after ten seconds.
    """
    end = time.monotonic() + GIVE_UP
    while _has_children() and time.monotonic() < end:
        if not kill(descendants([os.getpid()], children_of_all())):
            return
        time.sleep(0.002)
        _reap(0)


def _has_children() -> bool:
    """Whether this process has any child: a subreaper without one has no descendant at all."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def kill(pids: list[int]) -> int:
    """SIGKILL each process that may be; how many there were."""
    hit = 0
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            hit += 1
        except (ProcessLookupError, PermissionError):
            continue
    return hit


def children_of_all() -> dict[int, list[int]]:
    """The living children of every process; the dead that nobody has collected are left out."""
    tree: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields and fields[0] not in (b"Z", b"X"):
            tree.setdefault(int(fields[1]), []).append(int(name))
    return tree


def descendants(roots: list[int], tree: dict[int, list[int]]) -> list[int]:
    """All processes below ``roots``, without the spared and what is below those."""
    found: list[int] = []
    queue = [child for root in roots for child in tree.get(root, [])]
    while queue:
        pid = queue.pop()
        if not is_spared(pid):
            found.append(pid)
            queue += tree.get(pid, [])
    return found


def is_spared(pid: int) -> bool:
    """Whether the process runs guests: a mark that only this very user can give counts."""
    try:
        if os.stat(f"/proc/{pid}").st_uid != os.geteuid():
            return False
    except OSError:
        return False
    return any(entry.startswith(SPARED) for entry in environ(pid))


def environ(pid: int) -> list[bytes]:
    """The entries of a process's environment as it was at its start; empty if it is gone."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
