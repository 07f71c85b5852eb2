"""The app's public port: forwards to the release that serves, and to nothing else.

The state file alone says which release that is. It is looked at for each new connection, so a
switch needs no word to this process.
"""

import asyncio
import os
import signal
import socket

from paas.targets.local.sandbox import sockets
from paas.targets.local.sandbox.forwarder import Forwarder, Upstream

from . import state

BIND_PATIENCE = 5.0
EVERYWHERE = "0.0.0.0"  # noqa: S104 (the guest's firewall says who may come)


class Watcher:
    """Reads the state again whenever its file is another one."""

    def __init__(self) -> None:
        self._stamp: tuple[int, int] | None = None
        self._upstream: Upstream | None = None

    def __call__(self) -> Upstream | None:
        try:
            found = state.path().stat()
        except FileNotFoundError:
            return None
        stamp = (found.st_mtime_ns, found.st_ino)
        if stamp != self._stamp:
            present = state.read()
            self._stamp = stamp
            self._upstream = (
                Upstream(present.current, present.host, present.port) if present.current else None
            )
        return self._upstream


def serve(port: int) -> int:
    """Be the front until systemd says that it is over."""
    listener = sockets.listen(EVERYWHERE, port, BIND_PATIENCE)
    _tell_systemd()

    async def run() -> None:
        forwarder, over = Forwarder(Watcher()), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, over.set)
        await forwarder.open(listener)
        await over.wait()
        forwarder.close()

    asyncio.run(run())
    return 0


def _tell_systemd() -> None:
    """Say that the port is open: who started this unit waits for that."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        address = f"\0{path[1:]}" if path.startswith("@") else path
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.sendto(b"READY=1", address)
