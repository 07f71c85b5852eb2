"""Keeps the processes of the platform running, and ends them in order.

The manager has one thread and one wait: signals, the end of a child, output and the answer of
``/health`` all wake the same ``select``. It forks, so it must never start a thread.
"""

import contextlib
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType

from paas.running.child import (
    HANDLED,
    Child,
    Closeable,
    Role,
    has_children,
    kill_session,
    spawn,
    terminate,
)
from paas.running.journal import Journal
from paas.running.probe import Probe

FIRST_DELAY = 0.25
LONGEST_DELAY = 30.0
HEALTHY_AFTER = 30.0
"""Seconds of life after which a child's earlier ends are forgotten."""
TRIES_BEFORE_READY = 4
STOP_PATIENCE = 10.0
"""Seconds for what has no work to finish: web, sweeper, Redis."""
LOOK_AGAIN = 0.02


class _GiveUp(Exception):
    """The platform cannot start; the reason has been said."""


class _StopAsked(Exception):
    """A signal came while something was still waited for."""


@dataclass
class _Slot:
    role: Role
    child: Child | None = None
    started: float = 0.0
    failures: int = 0
    restart_at: float | None = None


class Manager:
    """Runs ``roles`` until SIGINT, SIGTERM or SIGHUP; a second signal ends them at once."""

    def __init__(
        self,
        roles: Sequence[Role],
        journal: Journal,
        *,
        stop_timeout: float,
        level: str = "INFO",
        shared: Sequence[Closeable] = (),
        probe: Probe | None = None,
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        self._slots = [_Slot(role) for role in roles]
        self._journal = journal
        self._stop_timeout = stop_timeout
        self._level = level
        self._probe = probe
        self._on_ready = on_ready
        self._ready = False
        self._stopping = False
        self._signals = 0
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._shared: list[Closeable] = [*shared, self._selector, self._woken, self._waker]
        if probe is not None:
            self._shared.append(probe)
        self._outputs: list[Closeable] = []

    def run(self) -> int:
        """Return 0 after a stop that was asked for, 1 when the platform could not start."""
        code = 0
        with self._signals_handled():
            try:
                self._start()
                while not self._signals:
                    self._turn()
            except _StopAsked:
                pass
            except _GiveUp as reason:
                self._journal.say(str(reason), level="error")
                code = 1
            self._stop()
        self._selector.close()
        self._woken.close()
        self._waker.close()
        return code

    def _start(self) -> None:
        for slot in self._of(first=True):
            self._spawn(slot)
        for slot in self._of(first=True):
            while slot.role.answers is not None and not slot.role.answers():
                self._turn(LOOK_AGAIN)
                if self._signals:
                    raise _StopAsked
        for slot in self._of(first=False):
            self._spawn(slot)
        if self._probe is None:
            self._announce()
        else:
            self._ask(self._probe)

    def _announce(self) -> None:
        self._ready = True
        if self._on_ready is not None:
            self._on_ready()

    def _ask(self, probe: Probe) -> None:
        probe.ask()
        self._selector.register(probe, selectors.EVENT_READ, partial(self._answered, probe))

    def _answered(self, probe: Probe) -> None:
        self._selector.unregister(probe)
        if probe.answer():
            probe.close()
            self._announce()
        else:
            self._ask(probe)

    def _spawn(self, slot: _Slot) -> None:
        child = spawn(slot.role, self._level, [*self._shared, *self._outputs])
        slot.child = child
        slot.started = time.monotonic()
        slot.restart_at = None
        self._outputs.append(child.output)
        read = partial(self._read, slot.role.name, child)
        self._selector.register(child.output, selectors.EVENT_READ, read)

    def _turn(self, limit: float | None = None) -> None:
        """Wait for one event, at most ``limit`` seconds, and deal with all that is due."""
        due = [slot.restart_at for slot in self._slots if slot.restart_at is not None]
        waits = [max(0.0, moment - time.monotonic()) for moment in due]
        if limit is not None:
            waits.append(limit)
        for key, _ in self._selector.select(min(waits, default=None)):
            key.data()
        self._reap()
        for slot in self._slots:
            if slot.restart_at is not None and time.monotonic() >= slot.restart_at:
                self._spawn(slot)

    def _reap(self) -> None:
        for slot in self._slots:
            if slot.child is None:
                continue
            pid, status = os.waitpid(slot.child.pid, os.WNOHANG)
            if pid:
                self._read(slot.role.name, slot.child)
                slot.child = None
                if not self._stopping:
                    self._lost(slot, status)

    def _lost(self, slot: _Slot, status: int) -> None:
        if time.monotonic() - slot.started >= HEALTHY_AFTER:
            slot.failures = 0
        if not self._ready and slot.failures + 1 >= TRIES_BEFORE_READY:
            self._journal.reveal(slot.role.name)
            raise _GiveUp(
                f"{slot.role.name} ended {TRIES_BEFORE_READY} times while the platform was "
                f"starting, last {_end(status)}. The reason is in the lines above."
            )
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2**slot.failures)
        slot.failures += 1
        slot.restart_at = time.monotonic() + delay
        self._journal.say(
            f"{slot.role.name} ended ({_end(status)}); starting it again in {delay:g} s",
            level="warning",
        )

    def _read(self, name: str, child: Child) -> None:
        """Take what the child wrote. Its own children may hold the pipe open after its end."""
        while not child.output.closed:
            data = child.output.read(65536)
            if data is None:
                return
            if data:
                self._journal.collect(name, child.pid, data)
                continue
            self._journal.finish(name, child.pid)
            self._selector.unregister(child.output)
            self._outputs.remove(child.output)
            child.output.close()

    def _stop(self) -> None:
        self._stopping = True
        for slot in self._slots:
            slot.restart_at = None
        busy = sum(
            1 for s in self._slots if s.role.patient and s.child and has_children(s.child.pid)
        )
        if busy and self._signals < 2:
            what = "operation" if busy == 1 else "operations"
            self._journal.say(
                f"waiting for Terraform of {busy} {what} to end, up to {self._stop_timeout:g} s; "
                "press Ctrl-C again to end at once"
            )
        self._end(self._of(first=False))
        self._end(self._of(first=True))
        for output in list(self._outputs):
            output.close()

    def _end(self, slots: list[_Slot]) -> None:
        """Ask the processes to end, and kill those that overstay or that a second signal hits."""
        asked = time.monotonic()
        for slot in slots:
            if slot.child is not None:
                terminate(slot.child.pid)
        while any(slot.child for slot in slots):
            now = time.monotonic() - asked
            for slot in slots:
                late = now > self._patience(slot)
                if slot.child is not None and (late or self._signals > 1):
                    kill_session(slot.child.pid)
            self._turn(0.1)

    def _patience(self, slot: _Slot) -> float:
        # A patient child keeps the timeout itself; the margin lets it write down what it did.
        return self._stop_timeout + STOP_PATIENCE if slot.role.patient else STOP_PATIENCE

    def _of(self, *, first: bool) -> list[_Slot]:
        return [slot for slot in self._slots if slot.role.first is first]

    @contextlib.contextmanager
    def _signals_handled(self) -> Iterator[None]:
        self._selector.register(self._woken, selectors.EVENT_READ, self._wake)
        before = {number: signal.signal(number, self._handle) for number in HANDLED}
        wakeup = signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self._signals += 1


def _end(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"killed by signal {os.WTERMSIG(status)}"
    return f"exit code {os.WEXITSTATUS(status)}"
