"""The supervisor's process: from the first lock to the last answer."""

import fcntl
import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import kernel, sockets
from .layout import Guest, GuestError, load, read_json, state_file

if TYPE_CHECKING:
    from .supervisor import Supervisor

LOCK_PATIENCE = 2.0
BIND_PATIENCE = 5.0
READY = "ready"


def pid_file(folder: Path) -> Path:
    """Holds the supervisor's process id, and its lock for as long as it lives."""
    return folder / "supervisor.pid"


def supervisor_pid(folder: Path) -> int | None:
    """The process id of the living supervisor, or None."""
    try:
        descriptor = os.open(pid_file(folder), os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.read(descriptor, 32) or b"0") or None
    finally:
        os.close(descriptor)
    return None


def serve(folder: Path, ready: int) -> int:
    """Be the supervisor; ``ready`` is a descriptor that hears ``READY`` or why it cannot be."""
    guest = load(folder)
    if not _take_lock(folder):
        _tell(ready, READY)
        return 0
    try:
        kernel.adopt_orphans()
        kernel.raise_open_files()
        public = _listen(guest)
        control = sockets.listen_control(folder)
    except (GuestError, OSError) as error:
        _tell(ready, str(error))
        return 1
    # Both sockets listen: who connects is answered as soon as the slow import is done.
    _tell(ready, READY)
    _run(guest, public, control)
    return 0


def _take_lock(folder: Path) -> bool:
    """Take the guest's lock until this process ends; False when another supervisor lives."""
    descriptor = os.open(pid_file(folder), os.O_RDWR | os.O_CREAT, 0o600)
    end = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > end:
                os.close(descriptor)
                return False
            # Whoever only asks whether a supervisor lives holds the lock for a moment.
            time.sleep(0.02)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return True


def _listen(guest: Guest) -> socket.socket | None:
    try:
        wanted = read_json(state_file(guest.folder)).get("wanted")
    except FileNotFoundError:
        wanted = None
    if wanted == "stopped":
        return None
    return sockets.listen(guest.address, guest.port, BIND_PATIENCE)


def _tell(ready: int, text: str) -> None:
    os.write(ready, text.encode())
    os.close(ready)


def _run(guest: Guest, public: socket.socket | None, control: socket.socket) -> None:
    import asyncio

    from .desk import Desk
    from .supervisor import Supervisor

    async def main(supervisor: "Supervisor") -> None:
        server = await asyncio.start_unix_server(Desk(supervisor).answer, sock=control)
        try:
            await supervisor.run(public)
        finally:
            server.close()

    sys.stderr.flush()
    asyncio.run(main(Supervisor(guest)))
