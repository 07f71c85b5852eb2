"""The engine tells the edge, and does not wait for one that is not there."""

import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from paas.domain.routes import Table, Upstream
from paas.domain.states import AppState
from paas.domain.views import AppView
from paas.engine import edge
from paas.engine.platform import Platform
from paas.store import apps, live_settings
from paas.store.models import App
from paas.tools import connections
from paas.tools.edge import files
from tests.engine.test_routing import serving
from tests.tools.support import wait_for


@pytest.fixture
def app(bare: Platform) -> App:
    with bare.store.write() as session:
        return serving(session)


@contextmanager
def an_edge(platform: Platform) -> Iterator[None]:
    """Something that says to have applied whatever it is told."""
    over, place = threading.Event(), edge.folder(platform.settings)

    def work() -> None:
        while not over.wait(0.01):
            if (table := files.read_table(place)) is not None:
                files.write_applied(place, table.digest)

    place.mkdir(mode=0o700)
    files.write_applied(place, Table().digest)
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_the_table_is_told_at_once_and_seen_to_be_applied(bare: Platform, app: App) -> None:
    with an_edge(bare):
        assert edge.apply_now(bare)
    place = edge.folder(bare.settings)
    found = files.read_table(place)
    assert found is not None
    assert [route.hosts for route in found.routes] == [("shop-1.localhost",)]
    assert stat.S_IMODE((place / files.TABLE).stat().st_mode) == 0o600
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_an_edge_that_is_not_there_is_not_waited_for(bare: Platform, app: App) -> None:
    assert not edge.apply_now(bare, seconds=60.0)
    assert files.read_table(edge.folder(bare.settings)) is not None


def test_without_an_edge_nothing_is_written(bare: Platform, app: App) -> None:
    off = replace(bare, settings=replace(bare.settings, edge="off"))
    assert not edge.apply_now(off)
    assert not edge.folder(off.settings).exists()
    edge.follow(off, threading.Event())


def test_the_follower_tells_what_nobody_told(bare: Platform, app: App) -> None:
    end, place = threading.Event(), edge.folder(bare.settings)
    thread = threading.Thread(target=edge.follow, args=(bare, end))
    thread.start()
    try:
        wait_for(lambda: (files.read_table(place) or Table()).routes, "the first table")
        with bare.store.write() as session:
            apps.set_state(session, session.get_one(App, app.id), AppState.STOPPED)
        bare.hub.publish(edge.TOPIC)
        wait_for(lambda: not files.read_table(place).routes, "the table without it")  # type: ignore[union-attr]
    finally:
        end.set()
        thread.join()


def test_draining_ends_when_nobody_is_connected_any_more(bare: Platform) -> None:
    with socket.create_server(("127.77.250.1", 0)) as server, an_edge(bare):
        upstream = Upstream(*server.getsockname())
        with socket.create_connection(server.getsockname()) as client:
            assert connections.to({upstream}) == 1
            assert not edge.drain(bare, [upstream], seconds=0.2)
            accepted, _ = server.accept()
            timer = threading.Timer(0.2, lambda: (client.close(), accepted.close()))
            timer.start()
            assert edge.drain(bare, [upstream], seconds=60.0)
            timer.join()


def view_of(platform: Platform, app: App) -> AppView:
    with platform.store.read() as session:
        return apps.views(session, [session.get_one(App, app.id)], lambda *_: 1)[0]


def test_an_app_has_an_address_at_the_edge_while_it_serves(bare: Platform, app: App) -> None:
    view = view_of(bare, app)
    at = replace(bare, settings=replace(bare.settings, edge="local", edge_listen="127.0.0.1:5080"))
    assert edge.edge_url(at, view) == "http://shop-1.localhost:5080"
    assert edge.edge_url(at, replace(view, state=AppState.STOPPED)) is None
    assert edge.edge_url(at, replace(view, release=None)) is None
    assert edge.edge_url(bare, view) is None
    at_80 = replace(at, settings=replace(at.settings, edge_listen=":80"))
    with at.store.write() as session:
        live_settings.save(session, at.store.vault, {"default_domain": "apps.example.com"}, "me")
    at.live.fresh()
    assert edge.edge_url(at_80, view) == "http://shop-1.apps.example.com"
    assert edge.domain(at) == "apps.example.com"
