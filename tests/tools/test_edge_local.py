"""What only the platform's own balancer must get right: HTTP in all its corners."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import pytest

from tests import aio
from tests.tools.edge_support import PATIENCE, Front, apps, ask_raw, front, get, route, until

HOST = "shop.localhost"
HEAD = f"Host: {HOST}\r\n".encode()


def play(scenario: Callable[[Front], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with front("local") as edge:
            await scenario(edge)

    aio.run(run())


def test_requests_that_are_sent_ahead_are_answered_in_order() -> None:
    async def scenario(edge: Front) -> None:
        async with apps("a") as (a,):
            await edge.tell(route(HOST, a))
            ask = b"".join(b"GET /%d HTTP/1.1\r\n" % number + HEAD + b"\r\n" for number in range(5))
            last = b"GET /last HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n"
            answer = await ask_raw(edge.port, ask + last)
            assert answer.count(b"HTTP/1.1 200 OK") == 6
            assert a.paths == [*(f"/{number}" for number in range(5)), "/last"]

    play(scenario)


def test_a_client_of_http_1_0_gets_an_answer_that_ends_with_its_connection() -> None:
    async def scenario(edge: Front) -> None:
        async with apps("a") as (a,):
            await edge.tell(route(HOST, a))
            a.release.set()
            answer = await ask_raw(edge.port, b"GET /events HTTP/1.0\r\n" + HEAD + b"\r\n")
            head, _, body = answer.partition(b"\r\n\r\n")
            assert b"chunked" not in head.lower()
            assert body == b"data: a one\n\ndata: two\n\n"

    play(scenario)


def test_the_head_of_a_page_has_its_length_and_no_body() -> None:
    async def scenario(edge: Front) -> None:
        async with apps("a") as (a,):
            await edge.tell(route(HOST, a))
            for host, status in ((HEAD, b"200"), (b"Host: none.localhost\r\n", b"404")):
                ask = b"HEAD / HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n"
                head, _, body = (await ask_raw(edge.port, ask)).partition(b"\r\n\r\n")
                assert head.split(b" ")[1] == status
                assert b"content-length" in head.lower()
                assert body == b""

    play(scenario)


def test_headers_without_end_are_refused() -> None:
    async def scenario(edge: Front) -> None:
        answer = await ask_raw(edge.port, b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000)
        assert answer.startswith(b"HTTP/1.1 431 ")

    play(scenario)


def test_what_is_no_http_is_refused_in_a_sentence() -> None:
    async def scenario(edge: Front) -> None:
        answer = await ask_raw(edge.port, b"\x16\x03\x01 hello\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"The request cannot be read" in answer

    play(scenario)


def test_a_get_that_ends_its_guest_is_repeated_twice_and_no_more() -> None:
    async def scenario(edge: Front) -> None:
        async with apps("a", "b") as (a, b), aiohttp.ClientSession() as session:
            await edge.tell(route(HOST, a, b))
            await edge.settled()
            status, text = await get(session, f"{edge.url}/drop", HOST)
            assert (status, text) == (502, "The app closed the connection before it answered.\n")
            assert len(a.paths) + len(b.paths) == 3
            async with session.post(f"{edge.url}/drop", headers={"Host": HOST}) as answer:
                assert answer.status == 502
            assert len(a.paths) + len(b.paths) == 4

    play(scenario)


def test_a_client_that_leaves_is_not_worked_for() -> None:
    async def scenario(edge: Front) -> None:
        async with apps("a") as (a,):
            await edge.tell(route(HOST, a))
            _, writer = await asyncio.open_connection("127.0.0.1", edge.port)
            writer.write(b"GET /slow HTTP/1.1\r\n" + HEAD + b"\r\n")
            await until(lambda: a.seen, "the request to arrive")
            writer.transport.abort()
            await until(lambda: a.seen[0].transport is None, "the app to lose its client")

    play(scenario)


def test_a_client_that_waits_for_a_word_before_its_body_gets_it() -> None:
    async def scenario(edge: Front) -> None:
        async with apps("a") as (a,):
            await edge.tell(route(HOST, a))
            reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
            writer.write(
                b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: 4\r\nExpect: 100-continue\r\n\r\n"
            )
            async with asyncio.timeout(PATIENCE):
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
                writer.write(b"body")
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
                assert json.loads(await reader.readuntil(b"}"))["size"] == 4
            writer.close()

    play(scenario)


def test_an_answer_before_the_end_of_the_body_reaches_who_is_still_sending() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await writer.drain()

    async def scenario(edge: Front) -> None:
        async with apps("a") as (a,):
            await a.stop()
            server = await asyncio.start_server(refuse, a.upstream.address, a.upstream.port)
            await edge.tell(route(HOST, a))
            ask = (
                b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: 9000000\r\n\r\n" + b"x" * 500_000
            )
            answer = await ask_raw(edge.port, ask)
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert b"connection: close" in answer.lower()
            assert answer.endswith(b"\r\n\r\nbig")
            server.close()

    play(scenario)


@pytest.mark.parametrize(
    "answer",
    [
        b"no http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
    ],
)
def test_an_app_that_speaks_no_http_is_a_bad_gateway(answer: bytes) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async def scenario(edge: Front) -> None:
        async with apps("a") as (a,), aiohttp.ClientSession() as session:
            await a.stop()
            server = await asyncio.start_server(babble, a.upstream.address, a.upstream.port)
            await edge.tell(route(HOST, a))
            assert (await get(session, edge.url, HOST))[0] == 502
            server.close()

    play(scenario)


def test_an_answer_that_breaks_off_is_seen_to_break_off() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        writer.close()

    async def scenario(edge: Front) -> None:
        async with apps("a") as (a,):
            await a.stop()
            server = await asyncio.start_server(half, a.upstream.address, a.upstream.port)
            await edge.tell(route(HOST, a))
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.ClientPayloadError):
                    await get(session, edge.url, HOST)
            server.close()

    play(scenario)
