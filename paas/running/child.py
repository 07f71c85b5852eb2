"""A process of the platform: forked from the manager, and gone with it."""

import ctypes
import gc
import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol

from paas import logs
from paas.domain.errors import PaasError

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_libc = ctypes.CDLL(None, use_errno=True)
HANDLED = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}


class Closeable(Protocol):
    """A lock, a socket, a selector: something a child must not keep open."""

    def close(self) -> object: ...


@dataclass(frozen=True)
class Role:
    """One process that must be there."""

    name: str
    start: Callable[[], object]
    """Runs in the child; the process ends when it returns."""
    first: bool = False
    """Others need it: it starts before them and stops after them."""
    answers: Callable[[], bool] | None = None
    """Whether the others may start; looked at until it is true."""
    patient: bool = False
    """May be busy with work that must not be broken off: it gets the whole stop timeout."""
    keeps: tuple[Closeable, ...] = ()
    """What the manager shares with this child and closes in the others."""


@dataclass(frozen=True)
class Child:
    """A running process and the reading end of its output."""

    pid: int
    output: io.FileIO


def die_with(parent: int) -> None:
    """Let the kernel kill this process when ``parent``, its parent, is gone."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def spawn(role: Role, level: str, shared: Sequence[Closeable]) -> Child:
    """Fork the process of ``role``. Signals wait until the child has its own handlers."""
    reading, writing = os.pipe()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _become(role, level, parent, writing, shared, blocked)
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    os.close(writing)
    os.set_blocking(reading, False)
    return Child(pid, io.FileIO(reading, "r"))


def _become(
    role: Role,
    level: str,
    parent: int,
    output: int,
    shared: Sequence[Closeable],
    blocked: set[int | signal.Signals],
) -> NoReturn:
    code = 1
    try:
        _settle(role, parent, output, shared, blocked)
        logs.configure(role.name, level)
        code = _work(role)
    finally:
        # The manager's own clean-up, on the stack below, must not run in the child.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _settle(
    role: Role,
    parent: int,
    output: int,
    shared: Sequence[Closeable],
    blocked: set[int | signal.Signals],
) -> None:
    die_with(parent)
    # A session of its own: Ctrl-C at the terminal reaches the manager alone.
    os.setsid()
    _libc.prctl(_PR_SET_NAME, f"paas-{role.name}"[:15].encode())
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, number in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, number)
    os.close(nothing)
    os.close(output)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    signal.set_wakeup_fd(-1)
    for number in HANDLED:
        signal.signal(number, signal.SIG_DFL)
    for thing in shared:
        if thing not in role.keeps:
            thing.close()
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _work(role: Role) -> int:
    gc.enable()
    log = logging.getLogger("paas.running")
    try:
        role.start()
    except PaasError as error:
        log.error(error.message, extra={"detail": error.detail} if error.detail else None)
        return 1
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        log.exception("%s ended with an error that nobody expected", role.name)
        return 1
    return 0


def kill_session(leader: int) -> None:
    """SIGKILL the processes of ``leader``'s session: itself, a worker's horse, and the like."""
    for name in os.listdir("/proc"):  # noqa: PTH208 (thousands of names, no paths needed)
        if name.isdigit() and session_of(int(name)) == leader:
            _kill(int(name), signal.SIGKILL)
    _kill(leader, signal.SIGKILL)


def session_of(pid: int) -> int | None:
    """The session of a process, or None when it is gone."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def has_children(pid: int) -> bool:
    """Whether the process has a child of its own: a worker with one is at work."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:  # noqa: PTH123
            return bool(file.read().strip())
    except OSError:
        return False


def terminate(pid: int) -> None:
    """Ask a process to end; it may be gone already."""
    _kill(pid, signal.SIGTERM)


def _kill(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
