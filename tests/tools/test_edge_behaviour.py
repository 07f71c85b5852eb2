"""The edge in front of real apps: the same table for Caddy and for the platform's own."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import pytest

from tests import aio
from tests.tools.edge_support import (
    PATIENCE,
    Front,
    Load,
    apps,
    ask_raw,
    cuts_at_changes,
    front,
    get,
    missing,
    route,
    until,
)

HOST = "shop.localhost"
Scenario = Callable[[Front, aiohttp.ClientSession], Coroutine[Any, Any, None]]
Play = Callable[[Scenario], None]


@pytest.fixture(params=["local", "caddy"])
def play(request: pytest.FixtureRequest) -> Play:
    """Runs a scenario against an edge of one kind."""
    if reason := missing().get(request.param):
        pytest.skip(reason)

    async def run(scenario: Scenario) -> None:
        async with front(request.param) as edge, aiohttp.ClientSession() as session:
            await scenario(edge, session)

    return lambda scenario: aio.run(run(scenario))


async def _names(session: aiohttp.ClientSession, edge: Front, number: int) -> list[str]:
    texts = [await get(session, edge.url, HOST) for _ in range(number)]
    assert {status for status, _ in texts} == {200}
    return [json.loads(text)["app"] for _, text in texts]


def test_each_host_leads_to_its_own_app(play: Play) -> None:
    async def scenario(edge: Front, session: aiohttp.ClientSession) -> None:
        async with apps("one", "two") as (one, two):
            await edge.tell(route(HOST, one), route("wiki.localhost", two))
            for host, name in (
                (HOST, "one"),
                ("wiki.localhost", "two"),
                ("WIKI.localhost:81", "two"),
            ):
                status, text = await get(session, f"{edge.url}/a%20b?c=d&c=e", host)
                assert (status, json.loads(text)["app"]) == (200, name)
                assert json.loads(text)["path"] == "/a%20b?c=d&c=e"
            assert await get(session, edge.url, "other.localhost") == (
                404,
                "No app is served under this name.\n",
            )

    play(scenario)


def test_guests_take_turns(play: Play) -> None:
    async def scenario(edge: Front, session: aiohttp.ClientSession) -> None:
        async with apps("a", "b", "c") as all_three:
            await edge.tell(route(HOST, *all_three))
            await edge.settled()
            names = await _names(session, edge, 9)
            assert {names.count(name) for name in "abc"} == {3}

    play(scenario)


def test_a_sick_guest_is_left_out_until_it_is_well_again(play: Play) -> None:
    async def scenario(edge: Front, session: aiohttp.ClientSession) -> None:
        async with apps("a", "b") as (a, b):
            await edge.tell(route(HOST, a, b))
            await edge.settled()
            a.status = 500
            await edge.settled(a)
            assert set(await _names(session, edge, 6)) == {"b"}
            a.status = 404
            await edge.settled()
            a.status = 200
            assert set(await _names(session, edge, 6)) == {"a", "b"}

    play(scenario)


def test_when_all_guests_are_sick_they_are_asked_all_the_same(play: Play) -> None:
    async def scenario(edge: Front, session: aiohttp.ClientSession) -> None:
        async with apps("a", "b") as (a, b):
            await edge.tell(route(HOST, a, b))
            await edge.settled()
            a.status = b.status = 503
            await edge.settled(a, b)
            status, text = await get(session, edge.url, HOST)
            assert (status, json.loads(text)["path"]) == (503, "/")

    play(scenario)


def test_a_guest_that_is_gone_costs_no_request(play: Play) -> None:
    async def scenario(edge: Front, session: aiohttp.ClientSession) -> None:
        async with apps("a", "b") as (a, b):
            await edge.tell(route(HOST, a, b))
            await edge.settled()
            await a.stop()
            assert set(await _names(session, edge, 6)) == {"b"}
            async with session.post(edge.url, data=b"x", headers={"Host": HOST}) as answer:
                assert answer.status == 200
            await a.start()
            found: set[str] = set()
            async with asyncio.timeout(PATIENCE):
                while found != {"a", "b"}:
                    found |= set(await _names(session, edge, 1))

    play(scenario)


def test_no_guest_at_all_is_said_in_a_sentence(play: Play) -> None:
    async def scenario(edge: Front, session: aiohttp.ClientSession) -> None:
        async with apps("a") as (a,):
            await edge.tell(route(HOST, a))
            await a.stop()
            status, text = await get(session, edge.url, HOST)
            assert status in (502, 503)
            assert text == "No guest of this app answers now. Try again in a moment.\n"

    play(scenario)


def test_a_guest_that_is_taken_out_ends_what_it_has_begun(play: Play) -> None:
    async def scenario(edge: Front, session: aiohttp.ClientSession) -> None:
        async with apps("a", "b") as (a, b):
            await edge.tell(route(HOST, a))
            slow = asyncio.create_task(get(session, f"{edge.url}/slow", HOST))
            await until(lambda: a.seen, "the request to arrive")
            await edge.tell(route(HOST, b))
            assert set(await _names(session, edge, 4)) == {"b"}
            a.release.set()
            assert await slow == (200, "a")

    play(scenario)


def test_events_come_as_they_are_sent(play: Play) -> None:
    async def scenario(edge: Front, session: aiohttp.ClientSession) -> None:
        async with apps("a") as (a,):
            await edge.tell(route(HOST, a))
            headers = {"Host": HOST, "Accept": "text/event-stream"}
            async with session.get(f"{edge.url}/events", headers=headers) as answer:
                assert await answer.content.readuntil(b"\n\n") == b"data: a one\n\n"
                a.release.set()
                assert await answer.content.readuntil(b"\n\n") == b"data: two\n\n"

    play(scenario)


def test_a_websocket_passes(play: Play) -> None:
    async def scenario(edge: Front, session: aiohttp.ClientSession) -> None:
        async with (
            apps("a") as (a,),
        ):
            await edge.tell(route(HOST, a))
            async with session.ws_connect(f"{edge.url}/socket", headers={"Host": HOST}) as channel:
                for text in ("hello", "x" * 200_000):
                    await channel.send_str(text)
                    assert await channel.receive_str() == f"a: {text}"

    play(scenario)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_big_body_passes(play: Play, chunked: bool) -> None:
    body = b"0123456789abcdef" * 1024 * 512

    async def parts() -> Any:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    async def scenario(edge: Front, session: aiohttp.ClientSession) -> None:
        async with apps("a") as (a,):
            await edge.tell(route(HOST, a))
            data = parts() if chunked else body
            async with session.post(edge.url, data=data, headers={"Host": HOST}) as answer:
                found = await answer.json()
            assert found["size"] == len(body)
            assert found["digest"] == hashlib.sha256(body).hexdigest()

    play(scenario)


def test_the_app_is_told_who_asks_and_no_lies(play: Play) -> None:
    lies = {
        "X-Forwarded-For": "10.9.9.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "9",
        "X-Forwarded-Prefix": "/evil",
        "X_Forwarded_For": "10.9.9.9",
        "x-forwarded_for": "10.9.9.9",
        "Forwarded": "for=10.9.9.9",
        "X-Real-IP": "10.9.9.9",
        "Proxy-Authorization": "Basic eA==",
        "Keep-Alive": "timeout=9",
        "X-Once": "x",
        "Connection": "keep-alive, x-once",
    }

    async def scenario(edge: Front, session: aiohttp.ClientSession) -> None:
        async with apps("a") as (a,):
            await edge.tell(route(HOST, a))
            _, text = await _get_with(session, edge, lies)
            found = dict(json.loads(text)["headers"])
            assert found["host"] == HOST
            assert found["x-forwarded-for"] == "127.0.0.1"
            assert found["x-forwarded-proto"] == "http"
            assert found["x-forwarded-host"] == HOST
            assert "9" not in found["x-forwarded-for"]
            for name in ("forwarded", "x-real-ip", "x-once", "keep-alive", "x-forwarded-port"):
                assert name not in found
            assert not [name for name in found if "_" in name or name == "x-forwarded-prefix"]

    play(scenario)


async def _get_with(
    session: aiohttp.ClientSession, edge: Front, given: dict[str, str]
) -> tuple[int, str]:
    async with session.get(edge.url, headers={**given, "Host": HOST}) as answer:
        return answer.status, await answer.text()


HEAD = f"Host: {HOST}\r\n".encode()
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + HEAD + b"\r\n"
ATTEMPTS = {
    "both framings": b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\n"
    + HEAD
    + b"Content-Length: 0\r\nContent-Length: 45\r\n\r\n",
    "a length with a sign": b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: +0\r\n\r\n",
    "a coding that only looks chunked": b"POST / HTTP/1.1\r\n"
    + HEAD
    + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked and more": b"POST / HTTP/1.1\r\n"
    + HEAD
    + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"POST / HTTP/1.1\r\n"
    + HEAD
    + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a chunk with a wrong end": b"POST / HTTP/1.1\r\n"
    + HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabXX0\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\n" + HEAD + b"Host: other.localhost\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a connection to elsewhere": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + HEAD + b"\r\n",
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_what_two_programs_could_read_in_two_ways_is_not_passed_on(
    play: Play, attempt: str
) -> None:
    async def scenario(edge: Front, session: aiohttp.ClientSession) -> None:
        async with apps("a") as (a,):
            await edge.tell(route(HOST, a))
            end = b"GET /end HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n"
            answer = await ask_raw(edge.port, ATTEMPTS[attempt] + SMUGGLED + end)
            assert answer.startswith(b"HTTP/1.1 "), answer
            refused = answer.split(b" ")[1] in (b"400", b"404", b"405", b"501", b"502")
            # Caddy reads both framings as chunked, writes them anew and parts after the answer.
            assert refused or attempt == "both framings", answer
            assert "/smuggled" not in a.paths

    play(scenario)


def test_a_request_on_a_kept_connection_follows_the_routes_of_now(play: Play) -> None:
    async def scenario(edge: Front, session: aiohttp.ClientSession) -> None:
        async with apps("a", "b") as (a, b):
            await edge.tell(route(HOST, a))
            assert await _names(session, edge, 2) == ["a", "a"]
            await edge.tell(route(HOST, b))
            assert await _names(session, edge, 2) == ["b", "b"]
            await edge.tell()
            assert (await get(session, edge.url, HOST))[0] == 404

    play(scenario)


@pytest.mark.parametrize("keep_alive", [True, False])
def test_guests_that_go_and_come_back_under_load_cost_no_request(
    play: Play, keep_alive: bool
) -> None:
    async def scenario(edge: Front, session: aiohttp.ClientSession) -> None:
        async with apps("a", "b", "c") as all_three:
            await edge.tell(route(HOST, *all_three))
            await edge.settled()
            load = Load(edge.url, HOST, 6, keep_alive=keep_alive)
            for app in all_three:
                others = [one for one in all_three if one is not app]
                await load.more(60)
                # Taken out first, as a guest is before it is destroyed.
                await edge.tell(route(HOST, *others))
                await app.stop()
                await load.more(60)
                await app.start()
                await edge.tell(route(HOST, *all_three))
                await edge.settled()
            for app in all_three:
                # Gone without a word: nothing is under way in it that could be lost.
                await load.more(60)
                await app.vanish()
                await load.more(60)
                await app.start()
                before = len(app.seen)
                await until(lambda: len(app.seen) > before, "it to be asked again")  # noqa: B023
            answers = await load.end()
            assert set(answers) == {"200"}, answers
            assert cuts_at_changes(edge.kind) or not load.repeated

    play(scenario)
