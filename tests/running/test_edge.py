"""The edge's processes: what the settings and the machine ask for, and what ends with what."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from paas.domain.errors import Unavailable
from paas.running.edge import Front, front
from paas.running.listening import listen
from paas.settings import Settings
from paas.tools import redis_server
from tests.functional.running import free_port
from tests.running.support import DEADLINE, alive, wait_for
from tests.running.test_platform import Platform
from tests.tools.edge_support import missing

UNKNOWN = "No app is served under this name.\n"
needs_caddy = pytest.mark.skipif("caddy" in missing(), reason=missing().get("caddy", ""))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(instance=tmp_path, port=0)


def decided(settings: Settings) -> Front:
    made = front(settings)
    made.close()
    return made


def program(folder: Path) -> Path:
    """A stand-in for Caddy in a search path that has nothing else."""
    path = folder / "caddy"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o700)
    return path


def test_auto_is_caddy_where_it_is_installed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert decided(settings).kind == "local"
    path = program(tmp_path)
    made = decided(settings)
    assert (made.kind, made.program, made.listener) == ("caddy", str(path), None)
    assert [role.name for role in made.roles(settings)] == ["caddy", "edge"]
    assert decided(replace(settings, edge="local")).kind == "local"


def test_a_caddy_that_runs_already_is_not_started(settings: Settings) -> None:
    made = decided(replace(settings, edge_admin="http://127.0.0.1:2019", edge_listen=":80"))
    assert (made.kind, made.listen, made.program) == ("caddy", ":80", "")
    assert [role.name for role in made.roles(settings)] == ["edge"]


def test_none_takes_no_process_and_no_port(settings: Settings) -> None:
    made = decided(replace(settings, edge="off"))
    assert (made.listen, made.roles(settings), made.sentence) == ("", [], "")


def test_a_caddy_that_is_wanted_and_missing_is_a_sentence(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match=r"no program caddy.*apt install caddy"):
        front(replace(settings, edge="caddy"))


def test_a_port_in_use_is_left_only_when_nobody_asked_for_it(settings: Settings) -> None:
    local = replace(settings, edge="local")
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=rf"Port {port} .* in use.*PAAS_EDGE_LISTEN"):
            front(replace(local, edge_listen=f"127.0.0.1:{port}"))
        made = decided(replace(local, port=port - 80))
        assert made.listen.startswith("127.0.0.1:")
        assert made.listen != f"127.0.0.1:{port}"


def test_what_was_decided_is_known_to_all_processes(settings: Settings) -> None:
    made = decided(replace(settings, edge="local"))
    known = made.known(settings)
    assert (known.edge, known.edge_listen) == ("local", made.listen)
    assert made.sentence.startswith("apps are served at http://NAME.localhost:")


@pytest.mark.parametrize("kind", ["local", pytest.param("caddy", marks=needs_caddy)])
def test_the_edge_comes_back_and_ends_with_the_platform(instance: Path, kind: str) -> None:
    where = f"127.0.0.1:{free_port()}"

    def says() -> str:
        try:
            return requests.get(f"http://{where}", headers={"Host": "x"}, timeout=30).text
        except requests.ConnectionError:
            return ""

    with started(instance, PAAS_EDGE=kind, PAAS_EDGE_LISTEN=where) as platform:
        platform.wait_url()
        wait_for(lambda: says() == UNKNOWN, "the edge")
        names = {"local": ["paas-edge"], "caddy": ["caddy", "paas-edge"]}[kind]
        before = platform.processes()
        for name in names:
            os.kill(before[name], signal.SIGKILL)
        wait_for(
            lambda: all(platform.processes().get(n, before[n]) != before[n] for n in names),
            "its processes to be started again",
        )
        wait_for(lambda: says() == UNKNOWN, "the edge to serve again")
        processes = platform.processes()
        platform.process.kill()
        platform.process.wait()
        wait_for(lambda: not any(alive(pid) for pid in processes.values()), "the end of all")
    with started(instance, PAAS_EDGE=kind, PAAS_EDGE_LISTEN=where) as platform:
        platform.wait_url()
        wait_for(lambda: says() == UNKNOWN, "the edge of the next start")
    assert platform.process.returncode == 0, platform.shown()
    assert not redis_server.socket_folder(instance).exists()


@contextmanager
def started(instance: Path, **settings: str) -> Iterator[Platform]:
    """A platform that is asked to end, unless it has ended."""
    platform = Platform(instance, **settings)
    try:
        yield platform
    finally:
        if platform.process.poll() is None:
            platform.process.terminate()
            platform.process.wait(DEADLINE)
