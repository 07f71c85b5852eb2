"""A guest stands, and cannot be entered."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import paramiko
import pytest

from paas.domain.states import AppState
from paas.engine import deploy
from tests.lab.faults.conftest import Open
from tests.lab.faults.table import Row
from tests.lab.faults.world import World


def unused_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def ssh_server() -> Iterator[int]:
    """A machine with a host key of its own, which says who it is and no more."""
    key = paramiko.ECDSAKey.generate()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError, paramiko.SSHException, EOFError):
                while True:
                    transport = paramiko.Transport(listener.accept()[0])
                    transport.add_server_key(key)
                    transport.start_server(server=paramiko.ServerInterface())

        threading.Thread(target=serve, daemon=True).start()
        yield int(listener.getsockname()[1])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "CONNECT_SECONDS", 0.5)


def test_agent_silent(opening: Open, row: Row) -> None:
    world = opening(proxmox_addresses="dhcp")
    app = world.settle(world.deploy("vm"))
    row.says(app.error_message)
    world.check()
    assert (app.state, world.ours()) == (AppState.FAILED, set())


def test_ssh_refused(world: World, row: Row) -> None:
    world.inside.door = unused_port()
    app = world.settle(world.deploy())
    row.says(app.error_message)
    assert (app.state, world.ours()) == (AppState.FAILED, set())


def test_host_key_changed(world: World, row: Row) -> None:
    app = world.deploy()
    with ssh_server() as port:
        world.inside.door = port
        app = world.settle(world.redeploy(app))
    row.says(app.error_message)
    assert app.state == AppState.RUNNING
    assert world.ours() == world.standing() != set()
