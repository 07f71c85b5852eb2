"""What the kernel is asked for: another user, limits, and who dies with whom."""

import ctypes
import os
import resource
import signal
from pathlib import Path

from .layout import Guest, GuestError

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
OPEN_FILES = 65536
PROCESSES = 4096


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl {option}: {os.strerror(code)}")


def adopt_orphans() -> None:
    """Become the parent of descendants that lose theirs, however often they fork."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int, number: signal.Signals) -> None:
    """Ask for a signal when the parent ends; ends at once if it already has."""
    _prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def become(guest: Guest) -> None:
    """Become the guest's user for good. Changing users clears a wish to die with the parent."""
    if guest.has_own_user:
        try:
            os.setgroups([])
            os.setresgid(guest.uid, guest.uid, guest.uid)
            os.setresuid(guest.uid, guest.uid, guest.uid)
        except OSError as error:
            raise GuestError(f"The guest's user {guest.uid} cannot be taken on: {error}") from None
    _prctl(PR_SET_NO_NEW_PRIVS, 1)


def limit(guest: Guest) -> None:
    """Apply the limits that hold for each process of the guest."""
    os.sched_setaffinity(0, processors(guest))
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    _lower(resource.RLIMIT_CORE, 0)
    if guest.has_own_user:
        # The kernel counts per user: without a user of its own, the person's desktop counts too.
        _lower(resource.RLIMIT_NPROC, PROCESSES)


def pin(pid: int, guest: Guest) -> None:
    """Move a running process of the guest, with all its threads, to the guest's processors."""
    allowed = processors(guest)
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), allowed)
    except OSError:
        return


def _lower(kind: int, wanted: int) -> None:
    hard = resource.getrlimit(kind)[1]
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(kind, (allowed, allowed))


def raise_open_files() -> None:
    """Let this process hold as many connections as its user may."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def processors(guest: Guest) -> set[int]:
    """The processors of a guest: as many as its cores, beginning elsewhere for each guest."""
    present = sorted(os.sched_getaffinity(0))
    first = int(guest.uuid.replace("-", "")[:8], 16)
    count = min(max(guest.cores, 1), len(present))
    return {present[(first + step) % len(present)] for step in range(count)}
