"""The sockets of a guest: its public address, its control socket, private ports."""

import errno
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .layout import GuestError

PRIVATE_PORTS = range(20000, 30000)
BACKLOG = 1024


def listen(address: str, port: int, patience: float = 0.0) -> socket.socket:
    """Listen on the guest's address; another program there is given ``patience`` seconds."""
    end = time.monotonic() + patience
    while True:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE or time.monotonic() >= end:
                raise GuestError(_why(address, port, error)) from None
            time.sleep(0.1)
        else:
            listener.setblocking(False)
            return listener


def _why(address: str, port: int, error: OSError) -> str:
    place = f"The guest cannot listen on {address}:{port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{place}: another program listens there, or on this port of every address. "
            f"Find it with 'ss -ltnp sport = {port}' and end it."
        )
    if error.errno == errno.EACCES:
        return f"{place}: ports below 1024 need root. Choose a higher port."
    return f"{place}: {error.strerror}."


def can_listen(address: str, port: int) -> bool:
    """Whether nothing holds this port of this address right now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address, port))
            probe.listen(1)
    except OSError as error:
        return error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
    return True


def private_port(taken: set[int]) -> int:
    """A port that an app may bind on any address; the random start keeps guests apart."""
    first = int.from_bytes(os.urandom(4), "big")
    for step in range(len(PRIVATE_PORTS)):
        port = PRIVATE_PORTS[(first + step) % len(PRIVATE_PORTS)]
        if port not in taken and is_free(port):
            return port
    raise GuestError(
        f"Every port from {PRIVATE_PORTS[0]} to {PRIVATE_PORTS[-1]} of this machine is taken. "
        "End programs that hold them, or move apps away."
    )


def is_free(port: int) -> bool:
    """Whether an app could bind this port wherever it likes."""
    return can_listen("0.0.0.0", port) and can_listen("::", port)  # noqa: S104 (a probe)


@contextmanager
def control_path(folder: Path) -> Iterator[str]:
    """A path of the control socket that fits into the 107 characters it may have."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/ctl"
    finally:
        os.close(descriptor)


def listen_control(folder: Path) -> socket.socket:
    """The control socket: only the supervisor's user may connect."""
    (folder / "ctl").unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with control_path(folder) as path:
            listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(64)
    listener.setblocking(False)
    return listener
