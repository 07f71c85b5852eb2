"""Tasks of Proxmox: begin one and see it through, again when another task held the guest."""

import time
from collections.abc import Callable

from paas.tools.proxmox import Locked, Proxmox, Row

FIRST_PAUSE, LAST_PAUSE = 0.5, 10.0


def carry_out(proxmox: Proxmox, begin: Callable[[], object], seconds: float) -> None:
    """Begin a task and wait for its end; one that failed for a lock is begun anew.

    ``begin`` returns the task's id, or nothing when Proxmox did it at once. Raises what the task's
    end means, and ``Locked`` when the lock has stood for all the time.
    """
    end, pause = time.monotonic() + seconds, FIRST_PAUSE
    while True:
        try:
            upid = begin()
            if isinstance(upid, str) and upid.startswith("UPID:"):
                proxmox.wait_task(upid, max(1.0, end - time.monotonic()))
            return
        except Locked as error:
            # A lock with a name is a longer work's (a backup), and is for the caller to judge.
            if error.lock or time.monotonic() + pause > end:
                raise
        proxmox.pause(pause)
        pause = min(pause * 2, LAST_PAUSE)


def owner(task: Row) -> str:
    """Who began a task: ``user@realm`` or ``user@realm!token``, from the task's own id."""
    parts = str(task["upid"]).split(":")
    return parts[7] if len(parts) > 7 else ""


def begun(task: Row) -> tuple[float, int]:
    """Orders tasks: by their second, and within it by their node's own count."""
    parts = str(task["upid"]).split(":")
    return float(task["starttime"]), int(parts[3], 16) if len(parts) > 3 else 0
