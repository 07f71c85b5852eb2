"""What a start refuses, in words, and the embedded Redis."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from paas.domain.errors import Conflict, Unavailable
from paas.running.child import kill_session, spawn
from paas.running.embedded_redis import redis_role
from paas.running.listening import listen, reachable, url
from paas.running.lock import InstanceLock
from paas.running.probe import Probe
from paas.tools import redis_server
from tests.running.support import wait_for


def test_a_second_platform_of_an_instance_is_refused(tmp_path: Path) -> None:
    lock = InstanceLock(tmp_path)
    with pytest.raises(Conflict, match=rf"already served .*process {os.getpid()}.*PAAS_INSTANCE"):
        InstanceLock(tmp_path)
    lock.close()
    InstanceLock(tmp_path).close()


def test_a_port_in_use_is_named() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=rf"Port {port} of 127.0.0.1 is in use.*PAAS_PORT"):
            listen("127.0.0.1", port)


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(Unavailable, match="PAAS_HOST='no such host'"):
        listen("no such host", 0)


def test_a_platform_on_all_addresses_is_reached_on_loopback() -> None:
    with listen("0.0.0.0", 0) as listener:
        port = listener.getsockname()[1]
        assert reachable(listener) == ("127.0.0.1", port)
        assert url(listener) == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("answer", "good"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", False),
        (b"", False),
    ],
)
def test_the_probe_waits_in_the_queue_of_the_listener(answer: bytes, good: bool) -> None:
    with listen("127.0.0.1", 0) as listener:
        probe = Probe(reachable(listener), socket.AF_INET)
        probe.ask()
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1024).startswith(b"GET /health ")
            connection.sendall(answer)
        assert probe.answer() is good
        probe.close()


@pytest.fixture
def redis_instance(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    redis_server.remove_socket_folder(tmp_path)


def test_the_embedded_redis_answers_only_on_a_closed_socket(redis_instance: Path) -> None:
    role = redis_role(redis_instance)
    child = spawn(role, "INFO", ())
    try:
        assert role.answers is not None
        wait_for(role.answers, "Redis's answer")
        client = redis.Redis.from_url(redis_server.url(redis_instance))
        client.set("kept", "yes")
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("port") == {"port": "0"}
        assert client.config_get("appendonly") == {"appendonly": "no"}
        client.close()
        folder = redis_server.socket_folder(redis_instance)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "redis.sock").stat().st_mode) == 0o600
        assert len(str(folder / "redis.sock")) < 60
    finally:
        kill_session(child.pid)
        os.waitpid(child.pid, 0)
        child.output.close()


def test_the_embedded_redis_writes_no_file_that_could_stop_its_next_start(
    redis_instance: Path,
) -> None:
    role = redis_role(redis_instance)
    assert role.answers is not None
    for _ in range(2):
        child = spawn(role, "INFO", ())
        try:
            wait_for(role.answers, "Redis's answer")
            client = redis.Redis.from_url(redis_server.url(redis_instance))
            assert client.get("kept") is None
            client.set("kept", "yes")
        finally:
            kill_session(child.pid)
            os.waitpid(child.pid, 0)
            child.output.close()
    assert list((redis_instance / "redis").iterdir()) == []


def test_a_socket_folder_that_others_can_enter_is_refused(redis_instance: Path) -> None:
    redis_server.make_socket_folder(redis_instance).chmod(0o755)
    with pytest.raises(Unavailable, match="0755"):
        redis_server.make_socket_folder(redis_instance)


def test_a_link_in_the_place_of_the_socket_folder_is_refused(
    redis_instance: Path, tmp_path: Path
) -> None:
    link = redis_server.socket_folder(redis_instance)
    link.symlink_to(tmp_path)
    try:
        with pytest.raises(Unavailable, match="something of another user"):
            redis_server.make_socket_folder(redis_instance)
    finally:
        link.unlink()
