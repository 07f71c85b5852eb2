"""Who conducts the edge: the last table holds whoever is killed, and health is looked after."""

import asyncio
import json
import os
import socket
from collections.abc import Set
from dataclasses import replace
from types import SimpleNamespace

import aiohttp
import pytest
from structlog.testing import capture_logs

from paas.domain.errors import Unavailable
from paas.domain.routes import Table, Upstream
from paas.tools.edge import caddy, caddy_config, files, health
from paas.tools.edge.caddy import Admin, CaddyEdge
from paas.tools.edge.conductor import Conductor
from paas.tools.edge.local import LocalEdge
from tests import aio
from tests.tools.edge_support import (
    QUICK,
    admin,
    apps,
    front,
    get,
    missing,
    route,
    running_caddy,
    short_folder,
    until,
)

HOST = "shop.localhost"
needs_caddy = pytest.mark.skipif("caddy" in missing(), reason=missing().get("caddy", ""))


def test_the_last_table_is_served_after_a_start_without_anybody_else() -> None:
    async def scenario() -> None:
        async with apps("a") as (a,), aiohttp.ClientSession() as session:
            with short_folder() as folder:
                files.write_table(folder, Table.of([route(HOST, a)]))
                listener = socket.create_server(("127.0.0.1", 0))
                url = f"http://127.0.0.1:{listener.getsockname()[1]}"
                over = asyncio.Event()
                running = asyncio.create_task(
                    Conductor(folder, QUICK).run(LocalEdge(listener), over)
                )
                await until(lambda: files.applied(folder), "the table to be applied")
                assert (await get(session, url, HOST))[0] == 200
                over.set()
                await running

    aio.run(scenario())


def test_a_table_that_cannot_be_read_changes_nothing() -> None:
    async def scenario() -> None:
        async with front("local") as edge, apps("a") as (a,), aiohttp.ClientSession() as session:
            await edge.tell(route(HOST, a))
            files.write_whole(edge.folder / files.TABLE, '[{"hosts": 3}]')
            before = files.applied(edge.folder)
            stamp = files.stamp(edge.folder)
            await until(lambda: edge.conductor.seen == stamp, "the file to be read")
            assert (await get(session, edge.url, HOST))[0] == 200
            assert files.applied(edge.folder) == before

    aio.run(scenario())


class Late(LocalEdge):
    """Refuses the table so often before it takes it."""

    def __init__(self, listener: socket.socket, refusals: int) -> None:
        super().__init__(listener)
        self.left = refusals

    async def apply(self, table: Table, down: Set[Upstream]) -> None:
        if self.left:
            self.left -= 1
            raise Unavailable("The edge does not answer")
        await super().apply(table, down)


@pytest.mark.parametrize(("grace", "lines"), [(0.0, 1), (600.0, 0)])
def test_an_edge_that_is_not_there_yet_is_told_of_once_and_only_after_a_while(
    grace: float, lines: int
) -> None:
    async def scenario() -> None:
        with short_folder() as folder:
            files.write_table(folder, Table())
            timing, over = replace(QUICK, grace=grace), asyncio.Event()
            edge = Late(socket.create_server(("127.0.0.1", 0)), refusals=3)
            running = asyncio.create_task(Conductor(folder, timing).run(edge, over))
            await until(lambda: files.applied(folder), "the table to be applied")
            over.set()
            await running

    with capture_logs() as said:
        aio.run(scenario())
    assert [one["event"] for one in said] == ["The edge does not answer"] * lines


def test_the_word_of_an_edge_that_has_ended_does_not_count(tmp_path: os.PathLike[str]) -> None:
    with short_folder() as folder:
        assert files.applied(folder) == ""
        gone = os.posix_spawn("/bin/true", ["true"], {})
        os.waitpid(gone, 0)
        files.write_whole(folder / files.APPLIED, json.dumps({"digest": "d", "pid": gone}))
        assert files.applied(folder) == ""
        files.write_applied(folder, "d")
        assert files.applied(folder) == "d"


def test_a_guest_without_a_sibling_is_left_in_peace() -> None:
    async def scenario() -> None:
        async with front("local") as edge, apps("alone", "b", "c") as (alone, b, c):
            await edge.tell(route(HOST, alone), route("other.localhost", b, c))
            await until(lambda: b.checks > 2 and c.checks > 2, "checks of the two")
            assert alone.checks == 0

    aio.run(scenario())


def test_a_new_guest_gets_nothing_before_its_first_good_check() -> None:
    async def scenario() -> None:
        async with front("local") as edge, apps("a", "b") as (a, b):
            await edge.tell(route(HOST, a))
            b.status = 503
            await edge.tell(route(HOST, a, b))
            await edge.settled(b)
            async with aiohttp.ClientSession() as session:
                for _ in range(4):
                    assert json.loads((await get(session, edge.url, HOST))[1])["app"] == "a"
            assert b.seen == []

    aio.run(scenario())


def test_who_falls_again_and_again_must_be_well_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(health, "time", SimpleNamespace(monotonic=lambda: now))
    record = health.Record()
    needed = []
    for _ in range(9):
        record.fall()
        needed.append(record.needed)
    assert needed == [1, 2, 4, 8, 16, 32, 64, 64, 64]
    now = health.FORGOTTEN_AFTER
    record.fall()
    assert record.needed == 1


@needs_caddy
def test_a_caddy_that_is_killed_begins_with_what_it_was_told_last() -> None:
    async def scenario() -> None:
        async with apps("a", "b") as (a, b), aiohttp.ClientSession() as session:
            with short_folder() as folder, socket.create_server(("127.0.0.1", 0)) as free:
                where = f"127.0.0.1:{free.getsockname()[1]}"
                free.close()
                caddy.first_config(folder, admin(folder), where)
                edge = CaddyEdge(admin(folder), where, folder)
                with running_caddy(folder):
                    await _told(edge, Table.of([route(HOST, a)]))
                assert not await _holds(edge)
                caddy.first_config(folder, admin(folder), where)
                with running_caddy(folder):
                    await _until_well(session, f"http://{where}")
                    # It has what it was told last, so it is not told again.
                    assert await edge.holds()
                    await _told(edge, Table.of([route(HOST, a, b)]))

    aio.run(scenario())


@needs_caddy
def test_of_another_ones_caddy_only_our_server_is_touched() -> None:
    async def scenario() -> None:
        async with apps("a") as (a,), aiohttp.ClientSession() as session:
            with short_folder() as folder:
                ports = [_free_port() for _ in range(3)]
                theirs = {"listen": [f"127.0.0.1:{ports[1]}"], "routes": [_answer("theirs")]}
                config = {
                    "admin": {"listen": f"127.0.0.1:{ports[0]}", "config": {"persist": False}},
                    "apps": {"http": {"servers": {"srv0": theirs}}},
                }
                files.write_whole(folder / caddy.CONFIG, json.dumps(config))
                ours = f"127.0.0.1:{ports[2]}"
                edge = CaddyEdge(f"http://127.0.0.1:{ports[0]}", ours)
                with running_caddy(folder):
                    await _told(edge, Table.of([route(HOST, a)]))
                    assert (await get(session, f"http://{ours}", HOST))[0] == 200
                    url = f"http://127.0.0.1:{ports[1]}"
                    assert await get(session, url, "x") == (200, "theirs")
                    await _told(edge, Table())
                    assert (await get(session, f"http://{ours}", HOST))[0] == 404
                    assert await get(session, url, "x") == (200, "theirs")

    aio.run(scenario())


@needs_caddy
def test_a_caddy_that_cannot_serve_says_why() -> None:
    async def scenario() -> None:
        with short_folder() as folder, socket.create_server(("127.0.0.1", 0)) as taken:
            caddy.first_config(folder, admin(folder), f"127.0.0.1:{_free_port()}")
            where = f"127.0.0.1:{taken.getsockname()[1]}"
            with running_caddy(folder):
                await until(lambda: _answers(admin(folder)), "Caddy")
                edge = CaddyEdge(admin(folder), where, folder)
                with pytest.raises(Unavailable, match=f"Look whether {where} is free"):
                    await edge.apply(Table(), frozenset())

    aio.run(scenario())


def test_a_caddy_that_is_not_there_is_said_in_a_sentence() -> None:
    with short_folder() as folder, pytest.raises(Unavailable, match=r"does not answer.*told last"):
        Admin(admin(folder)).ask("GET", "/config/")


def test_the_configuration_of_caddy_is_plain_data() -> None:
    table = Table.from_json(
        '[{"hosts":["a.x"],"upstreams":[["10.0.0.1",80],["::1",81],["10.0.0.3",80]],'
        '"health_path":"/"}]'
    )
    down = frozenset({Upstream("10.0.0.3", 80)})
    server = caddy_config.server(table, down, ":80")
    assert server["listen"] == [":80"]
    found = server["routes"][1]
    assert found["match"] == [{"host": ["a.x"]}]
    proxy = found["handle"][0]
    assert proxy["upstreams"] == [{"dial": "10.0.0.1:80"}, {"dial": "[::1]:81"}]
    assert proxy["load_balancing"]["selection_policy"] == {"policy": "round_robin"}
    assert proxy["transport"]["keep_alive"] == {"enabled": False}
    assert server["routes"][-1]["handle"][0]["status_code"] == 404
    assert json.loads(json.dumps(server)) == server
    # Nothing but the table, the sick and the address goes in: the same give the same.
    assert caddy_config.server(table, down, ":80") == server


def _answer(text: str) -> dict[str, object]:
    return {"handle": [{"handler": "static_response", "body": text}]}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _answers(address: str) -> bool:
    try:
        return Admin(address).ask("GET", "/config/").status == 200
    except Unavailable:
        return False


async def _told(edge: CaddyEdge, table: Table) -> None:
    """Apply as soon as Caddy listens."""

    async with asyncio.timeout(30):
        while True:
            try:
                await edge.apply(table, frozenset())
            except Unavailable:
                await asyncio.sleep(0.02)
            else:
                return


async def _holds(edge: CaddyEdge) -> bool:
    try:
        return await edge.holds()
    except Unavailable:
        return False


async def _until_well(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                status, _ = await get(session, url, HOST)
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.02)
                continue
            assert status == 200
            return
