"""What keeps the programs of one attempt alive."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from paas.domain.errors import StepInterrupted


class Leash:
    """Keeps the programs of one attempt alive while somebody renews it; safe between threads.

    A guard that hears nothing for ``seconds`` ends its program.
    """

    def __init__(self, seconds: float = 20.0) -> None:
        self.seconds = seconds
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._is_cut = False
        self._waiting = 0
        self._since = 0.0
        self._total = 0.0

    def renew(self) -> None:
        """Tell every live guard that the worker still holds its lease."""
        with self._lock:
            for end in self._ends:
                try:
                    end.send(b".", socket.MSG_NOSIGNAL)
                except OSError:
                    continue

    def cut(self) -> None:
        """End every program now, and let none start any more."""
        with self._lock:
            self._is_cut = True
            for end in self._ends:
                shut(end)

    @property
    def child_seconds(self) -> float:
        """Wall seconds during which at least one program was waited for."""
        with self._lock:
            running = time.monotonic() - self._since if self._waiting else 0.0
            return self._total + running

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time inside as spent on programs."""
        with self._lock:
            if not self._waiting:
                self._since = time.monotonic()
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1
                if not self._waiting:
                    self._total += time.monotonic() - self._since

    def attach(self, end: socket.socket) -> None:
        """Take a guard's line in; a cut leash takes none."""
        with self._lock:
            if self._is_cut:
                raise StepInterrupted("the work on this step was ended from outside")
            self._ends.add(end)

    def detach(self, end: socket.socket) -> None:
        """Forget a guard that has ended."""
        with self._lock:
            self._ends.discard(end)
            end.close()


def shut(end: socket.socket) -> None:
    """End a guard's line without closing it, for another thread may be waiting on it."""
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
