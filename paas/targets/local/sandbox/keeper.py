"""The keeper: one small process per release that no descendant of the app can leave.

It is forked from the supervisor and is a child subreaper: what the app starts, daemons
included, ends with it. SIGTERM asks the app to end and kills what is left after ``GRACE``
seconds; SIGHUP, which the kernel also sends when the supervisor dies, kills at once. It ends
as the app did, when nothing is left.
"""

import os
import signal
import time
from collections.abc import Callable
from typing import NoReturn

from . import kernel, processes

GRACE = 10.0
RETRY = 0.02
WATCHED = frozenset((signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP))
RESTORED = (*WATCHED, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)


def fork(launch: Callable[[], NoReturn], output: int, errors: int) -> int:
    """Start a keeper whose app is what ``launch`` becomes; its process id.

    The signals stay blocked across the fork, so that none reaches the supervisor's handlers
    inside the keeper.
    """
    parent = os.getpid()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    try:
        pid = os.fork()
        if pid == 0:
            _be_keeper(parent, launch, output, errors)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def _be_keeper(parent: int, launch: Callable[[], NoReturn], output: int, errors: int) -> NoReturn:
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        _keep_only(output, errors)
        os.setsid()
        kernel.adopt_orphans()
        kernel.die_with_parent(parent, signal.SIGHUP)
        code = Keeper(_fork_app(launch)).run()
    finally:
        os._exit(code)


def _keep_only(output: int, errors: int) -> None:
    """Let go of the supervisor's sockets and files."""
    null = os.open(os.devnull, os.O_RDONLY)
    output, errors = os.dup(output), os.dup(errors)
    for number, descriptor in enumerate((null, output, errors)):
        os.dup2(descriptor, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def _fork_app(launch: Callable[[], NoReturn]) -> int:
    keeper = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        for number in RESTORED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        if os.getppid() == keeper:
            launch()
    finally:
        os._exit(127)


class Keeper:
    """Waits for the app and everything it started."""

    def __init__(self, app: int) -> None:
        self._app = app
        self._code: int | None = None
        self._kill_at: float | None = None

    def run(self) -> int:
        """Return when nothing is left; the app's exit code, or 128 + signal."""
        while self._reap():
            got = signal.sigtimedwait(WATCHED, self._patience())
            if got is not None:
                self._hear(got.si_signo)
            if self._kill_at is not None and time.monotonic() >= self._kill_at:
                processes.send_signal(processes.descendants(os.getpid()), signal.SIGKILL)
        return self._code if self._code is not None else 128 + signal.SIGKILL

    def _patience(self) -> float:
        if self._kill_at is None:
            return 3600.0
        return max(self._kill_at - time.monotonic(), RETRY)

    def _hear(self, number: int) -> None:
        if number == signal.SIGHUP:
            self._kill_at = time.monotonic()
        elif number == signal.SIGTERM and self._kill_at is None:
            self._kill_at = time.monotonic() + GRACE
            # All of them, because a shell does not pass the signal on to what it runs.
            processes.send_signal(processes.descendants(os.getpid()), signal.SIGTERM)

    def _reap(self) -> bool:
        """Collect the dead; whether any child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._app:
                code = os.waitstatus_to_exitcode(status)
                self._code = code if code >= 0 else 128 - code
                # What an app leaves behind when it ends by itself would hold its port.
                self._kill_at = self._kill_at or time.monotonic()
