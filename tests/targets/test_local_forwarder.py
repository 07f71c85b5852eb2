"""The forwarder alone: what goes in comes out, whatever the order of events."""

import asyncio
from collections.abc import Awaitable, Callable

from paas.targets.local.sandbox.forwarder import Client, Forwarder, Upstream
from paas.targets.local.sandbox.sockets import listen
from tests import aio

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
MEGABYTES = 8 * 1024 * 1024


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _through(upstream: Handler, talk: Callable[[int], Awaitable[bytes]]) -> bytes:
    server = await asyncio.start_server(upstream, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    forwarder = Forwarder(lambda: Upstream(1, "127.0.0.1", port))
    listener = listen("127.0.0.1", 0)
    await forwarder.open(listener)
    try:
        async with asyncio.timeout(60):
            return await talk(listener.getsockname()[1])
    finally:
        forwarder.close()
        server.close()


def test_much_data_goes_both_ways() -> None:
    async def talk(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def send() -> None:
            writer.write(b"x" * MEGABYTES)
            await writer.drain()
            writer.write_eof()

        sending = asyncio.create_task(send())
        found = await reader.read(-1)
        await sending
        writer.close()
        return found

    assert aio.run(_through(_echo, talk)) == b"x" * MEGABYTES


def test_the_end_of_one_direction_leaves_the_other_open() -> None:
    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.read(-1)
        writer.write(b"you said " + asked)
        writer.close()

    async def talk(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello")
        writer.write_eof()
        found = await reader.read(-1)
        writer.close()
        return found

    assert aio.run(_through(late, talk)) == b"you said hello"


def test_what_comes_before_the_connection_is_kept() -> None:
    async def scene() -> bytes:
        server = await asyncio.start_server(_echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        forwarder = Forwarder(lambda: Upstream(1, "127.0.0.1", port))
        listener = listen("127.0.0.1", 0)
        loop = asyncio.get_running_loop()

        def eager() -> Client:
            client = Client(forwarder)
            # What some versions of Python do although reading is paused.
            loop.call_soon(client.data_received, b"early ")
            return client

        entry = await loop.create_server(eager, sock=listener)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"late")
        writer.write_eof()
        found = await reader.read(-1)
        writer.close()
        entry.close()
        server.close()
        return found

    assert aio.run(asyncio.wait_for(scene(), 60)) == b"early late"


def test_nothing_serves_nothing() -> None:
    async def scene() -> bytes:
        forwarder = Forwarder(lambda: None)
        listener = listen("127.0.0.1", 0)
        await forwarder.open(listener)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        try:
            return await reader.read(-1)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()
            forwarder.close()

    assert aio.run(asyncio.wait_for(scene(), 60)) == b""


def test_a_drain_waits_for_who_is_just_about_to_connect() -> None:
    async def scenario() -> None:
        server = await asyncio.start_server(_echo, "127.0.0.1", 0)
        serving = Upstream(1, "", 0)
        forwarder = Forwarder(lambda: serving)
        listener = listen("127.0.0.1", 0)
        await forwarder.open(listener)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        async with asyncio.timeout(60):
            while not any(client.release == 1 for client in forwarder.clients):
                await asyncio.sleep(0.01)
            draining = asyncio.create_task(forwarder.drain(1, 30.0))
            serving = Upstream(2, "127.0.0.1", server.sockets[0].getsockname()[1])
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            await draining
        writer.close()
        forwarder.close()
        server.close()

    aio.run(scenario())
