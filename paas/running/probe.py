"""Asks the web process whether it answers."""

import socket

QUESTION = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Probe:
    """One question to ``/health``, asked so that the manager's ``select`` sees the answer.

    The manager itself holds the listening socket, so the question waits in its queue until the
    web process takes it: there is no polling.
    """

    def __init__(self, address: tuple[str, int], family: socket.AddressFamily) -> None:
        self._address = address
        self._family = family
        self._socket: socket.socket | None = None

    def fileno(self) -> int:
        return -1 if self._socket is None else self._socket.fileno()

    def ask(self) -> None:
        """Send the question; the object is readable when there is an answer."""
        self.close()
        self._socket = socket.socket(self._family, socket.SOCK_STREAM)
        self._socket.settimeout(5)
        self._socket.connect(self._address)
        self._socket.sendall(
            b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )

    def answer(self) -> bool:
        """Whether what came is an answer; a connection that was dropped is none."""
        if self._socket is None:
            return False
        try:
            status = self._socket.recv(64).split(b" ")
        except OSError:
            return False
        return len(status) > 1 and status[1].isdigit() and int(status[1]) < 500

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
