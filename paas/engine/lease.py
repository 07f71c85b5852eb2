"""A worker's hold on an operation, renewed by a thread of its own."""

import os
import threading
import time
from pathlib import Path
from typing import Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from paas.domain.errors import LeaseLost
from paas.store import operations
from paas.store.unit_of_work import Store

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
RENEW_SECONDS = 5.0
# A guard kills its children when it has heard nothing for this long.
SILENCE_SECONDS = 20.0


class Leash(Protocol):
    """What ties child processes to the lease: they live as long as it is renewed."""

    def renew(self) -> None:
        """Let the children live on."""

    def cut(self) -> None:
        """End the children at once."""


class Lease:
    """Renews every 5 s; ``lost`` says that another holds the operation now."""

    def __init__(self, store: Store, operation_id: int, epoch: int, leash: Leash) -> None:
        self._store, self._leash = store, leash
        self._operation_id, self._epoch = operation_id, epoch
        self._end = threading.Event()
        self._renewed = time.monotonic()
        self.lost = False
        self.cancel: str | None = None
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop renewing."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(LOOK_SECONDS):
            try:
                self._look()
            except LeaseLost:
                self._lose()
                return
            except SQLAlchemyError as error:
                log.warning("the lease could not be renewed", error=str(error))
                if time.monotonic() - self._renewed > SILENCE_SECONDS:
                    self._lose()
                    return

    def _look(self) -> None:
        if time.monotonic() - self._renewed < RENEW_SECONDS:
            with self._store.read() as session:
                self.cancel = operations.cancel_of(session, self._operation_id, self._epoch)
            return
        with self._store.write() as session:
            self.cancel = operations.renew(session, self._operation_id, self._epoch)
        self._renewed = time.monotonic()
        self._leash.renew()

    def _lose(self) -> None:
        self.lost = True
        self._leash.cut()


def boot_id() -> str:
    """What tells one boot of this machine from the next."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def started(pid: int) -> str | None:
    """When a process began, in ticks since boot, or None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else fields[19]


def holder(host: str, *, follows: bool = False) -> str:
    """This process, told from every other that ever was; ``host`` is the machine's own id.

    A hostname would not do: two machines may share one, and each would take the other's
    workers for dead. ``follows`` says that it came after a worker of another machine, and has not
    seen yet that nothing of that one's is under way (``takeover``).
    """
    pid = os.getpid()
    name = f"{_place(host)} {boot_id()} {pid} {started(pid)}"
    return f"{name}{operations.FOLLOWS}" if follows else name


def is_elsewhere(name: str, host: str) -> bool:
    """Whether a holder was of another machine, or had not done yet with one that was."""
    return name.split(" ")[0] != _place(host) or name.endswith(operations.FOLLOWS)


def _place(host: str) -> str:
    """The machine and its space of process ids: copies of an instance's folder differ in them."""
    machine = Path("/etc/machine-id")
    identity = machine.read_text().strip() if machine.exists() else ""
    return f"{host}:{identity}:{Path('/proc/self/ns/pid').stat().st_ino}"


def is_dead(name: str, host: str) -> bool:
    """Whether a holder is known to have ended: only one of this machine can be judged."""
    place, boot, pid, start, *_ = name.split(" ")
    if place != _place(host):
        return False
    return boot != boot_id() or started(int(pid)) != start
