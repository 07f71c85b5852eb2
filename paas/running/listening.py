"""The address that the platform listens on."""

import errno
import socket

from paas.domain.errors import Unavailable

BACKLOG = 1024


def listen(host: str, port: int, setting: str = "PAAS_PORT") -> socket.socket:
    """A listening socket for one of the processes, held by the manager; ``setting`` names its port.

    Held here, it survives a restart of the process: clients wait instead of being refused.
    """
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
    except socket.gaierror as error:
        raise Unavailable(
            f"PAAS_HOST={host!r} is no address of this machine: {error.strerror}."
        ) from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise Unavailable(_refusal(host, port, error, setting)) from error
    return listener


def reachable(listener: socket.socket) -> tuple[str, int]:
    """Where this machine itself reaches the listener: loopback when it listens everywhere."""
    host, port = listener.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104


def url(listener: socket.socket) -> str:
    """``http://127.0.0.1:5000``, as a person types it."""
    host, port = reachable(listener)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _refusal(host: str, port: int, error: OSError, setting: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is in use by another program. Stop that program, or choose a "
            f"free port with {setting}."
        )
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}. Choose one above 1023 with {setting}."
    return f"{host} port {port} cannot be listened on: {error.strerror}. Set {setting}."
