"""One HTTP/1.1 connection, to a client or to a guest: ``h11`` on top of asyncio's streams."""

import asyncio
import contextlib
from dataclasses import dataclass

import h11

MOST_HEADERS = 64 * 1024
"""Bytes of a request's or an answer's head; above it, it is refused."""
CHUNK = 64 * 1024
LAST_WORDS = 2.0
"""Seconds for a client to take our last answer."""
LINGER = 5.0
"""Seconds that one direction of a tunnel may outlive the other."""
GONE = (ConnectionError, TimeoutError, OSError, asyncio.IncompleteReadError)


class Gone(Exception):
    """The other side has closed the connection, or speaks no HTTP."""


@dataclass
class Peer:
    """The connection and what is known of its state."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection

    @classmethod
    def client(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> "Peer":
        """The one who asks."""
        return cls(reader, writer, h11.Connection(h11.SERVER, MOST_HEADERS))

    @classmethod
    async def guest(cls, address: str, port: int, patience: float) -> "Peer":
        """A new connection to one who answers; raises ``OSError`` when there is none in time."""
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(address, port, limit=CHUNK)
        return cls(reader, writer, h11.Connection(h11.CLIENT, MOST_HEADERS))

    @property
    def address(self) -> str:
        """Where the other side is."""
        found = self.writer.get_extra_info("peername")
        return str(found[0]).removeprefix("::ffff:") if found else ""

    async def event(self) -> h11.Event | type[h11.PAUSED]:
        """The next thing the other side says. Raises ``h11.RemoteProtocolError`` or ``Gone``."""
        while True:
            found = self.http.next_event()
            if found is not h11.NEED_DATA:
                return found  # type: ignore[return-value]
            await self.receive()

    async def receive(self) -> bool:
        """Take in what comes next; False at the end."""
        try:
            data = await self.reader.read(CHUNK)
        except GONE as error:
            raise Gone from error
        self.http.receive_data(data)
        return bool(data)

    async def send(self, event: h11.Event) -> None:
        """Say something; waits while the other side is slower than we are."""
        data = self.http.send(event)
        if data is None:
            return
        try:
            self.writer.write(data)
            await self.writer.drain()
        except GONE as error:
            raise Gone from error

    def begins_anew(self) -> bool:
        """Whether another request may follow on this connection; it is awaited then."""
        if self.http.our_state is not h11.DONE or self.http.their_state is not h11.DONE:
            return False
        self.http.start_next_cycle()
        return True

    async def part(self) -> None:
        """Say that nothing more comes, and read what is still sent: a connection that is closed
        on unread bytes is reset, and our last words with it."""
        with contextlib.suppress(*GONE):
            async with asyncio.timeout(LAST_WORDS):
                self.writer.write_eof()
                while await self.reader.read(CHUNK):
                    pass

    def abort(self) -> None:
        """Cut the connection off: the other side sees that what came was not all."""
        self.writer.transport.abort()


async def tunnel(one: Peer, other: Peer) -> None:
    """Carry bytes both ways until both sides have ended, or one has and the other lingers."""

    async def carry(source: Peer, sink: Peer) -> None:
        early, _ = source.http.trailing_data
        with contextlib.suppress(*GONE):
            data = bytes(early) or await source.reader.read(CHUNK)
            while data:
                sink.writer.write(data)
                await sink.writer.drain()
                data = await source.reader.read(CHUNK)
            sink.writer.write_eof()

    tasks = {asyncio.create_task(carry(one, other)), asyncio.create_task(carry(other, one))}
    try:
        _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if pending:
            await asyncio.wait(pending, timeout=LINGER)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
