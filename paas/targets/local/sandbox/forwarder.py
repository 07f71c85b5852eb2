"""The TCP forwarder: what comes to the guest's address goes to the serving release."""

import asyncio
import socket
from collections.abc import Callable
from typing import NamedTuple

PATIENCE = 10.0
RETRY = 0.1


class Upstream(NamedTuple):
    """Where a release answers; ``host`` is empty while it is not known to listen."""

    release: int
    host: str
    port: int


Serving = Callable[[], Upstream | None]


class Side(asyncio.Protocol):
    """One of the two connections of a forwarded one."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Side | None = None
        self.has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (narrows the type)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other and self.other.transport:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Pass the end of one direction on; the other may still have much to say."""
        self.has_ended = True
        if not self.other or not self.other.transport or self.other.has_ended:
            return False
        if self.other.transport.can_write_eof() and not self.other.transport.is_closing():
            self.other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self.other and self.other.transport:
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.resume_reading()

    def abort(self) -> None:
        if self.transport:
            self.transport.abort()


class Client(Side):
    """The side that came to the guest's address."""

    def __init__(self, forwarder: "Forwarder") -> None:
        super().__init__()
        self._forwarder = forwarder
        self._connecting: asyncio.Task[None] | None = None
        self._early: list[bytes] = []
        self.release: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._forwarder.clients.add(self)
        if self.transport:
            self.transport.pause_reading()
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._forwarder.clients.discard(self)
        if self._connecting:
            self._connecting.cancel()

    async def _connect(self) -> None:
        """Connect to the serving release; one that is just being restarted is waited for."""
        side = Side()
        side.other = self
        is_connected = False
        try:
            is_connected = await self._reach(side)
        finally:
            if not is_connected:
                side.abort()
        if is_connected:
            self._join(side)
        else:
            self.abort()

    def data_received(self, data: bytes) -> None:
        """Some versions of Python bring data although reading is paused: it is kept."""
        if self.other is None:
            self._early.append(data)
        else:
            super().data_received(data)

    def eof_received(self) -> bool:
        if self.other is None:
            self.has_ended = True
            return True
        return super().eof_received()

    def _join(self, side: Side) -> None:
        self.other = side
        for data in self._early:
            super().data_received(data)
        self._early.clear()
        if self.has_ended:
            super().eof_received()
        if self.transport:
            self.transport.resume_reading()

    async def _reach(self, side: Side) -> bool:
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        while (upstream := self._forwarder.serving()) and loop.time() < end:
            # It counts from now on: a drain must wait for who is just about to connect.
            self.release = upstream.release
            if upstream.host and await _connect(side, upstream):
                return True
            await asyncio.sleep(RETRY)
        return False


async def _connect(side: Side, upstream: Upstream) -> bool:
    loop = asyncio.get_running_loop()
    try:
        await loop.create_connection(lambda: side, upstream.host, upstream.port)
    except OSError:
        return False
    return True


class Forwarder:
    """Listens at the guest's address; ``serving`` says where the next connection goes."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self.clients: set[Client] = set()
        self._server: asyncio.Server | None = None

    @property
    def is_open(self) -> bool:
        return self._server is not None

    async def open(self, listener: socket.socket) -> None:
        """Take connections from a listening socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Client(self), sock=listener)

    def close(self) -> None:
        """Refuse new connections; the present ones go on."""
        if self._server:
            self._server.close()
            self._server = None

    async def drain(self, release: int, seconds: float) -> None:
        """Wait until a release has no connection left; cut off what is there after that."""
        end = asyncio.get_running_loop().time() + seconds
        while self._of(release) and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(RETRY)
        self.cut(release)

    def cut(self, release: int) -> None:
        """Cut the connections of a release off."""
        for client in self._of(release):
            client.abort()

    def _of(self, release: int) -> list[Client]:
        return [client for client in self.clients if client.release == release]
