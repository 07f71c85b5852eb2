"""The whole platform as a program: web, workers, sweeper and Redis of one instance."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from paas.tools import redis_server
from tests.running.support import DEADLINE, alive, wait_for

START = "import sys; from paas.cli import main; sys.exit(main(['run']))"


class Platform:
    """``paas run`` on a free port of 127.0.0.1."""

    def __init__(self, instance: Path, *, output: str = "first.txt", **settings: str) -> None:
        self.instance = instance
        self.output = instance.parent / output
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PAAS_")}
        environment = {
            **kept,
            "PAAS_INSTANCE": str(instance),
            "PAAS_PORT": "0",
            "PAAS_EDGE": "local",
            **settings,
        }
        with self.output.open("wb") as shown:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START],
                env=environment,
                stdout=shown,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def shown(self) -> str:
        return self.output.read_text()

    def wait_url(self) -> str:
        def look() -> str:
            assert self.process.poll() is None, self.shown()
            return next(
                (x.partition(" ")[2] for x in self.shown().splitlines() if x.startswith("ready: ")),
                "",
            )

        return wait_for(look, "the platform's start")

    def processes(self) -> dict[str, int]:
        """The manager's children by name."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = {}
        for pid in children.read_text().split():
            # One that has just ended may be collected in between.
            with suppress(FileNotFoundError):
                found[Path(f"/proc/{pid}/comm").read_text().strip()] = int(pid)
        return found


def health(url: str) -> dict[str, str]:
    with urllib.request.urlopen(f"{url}/health", timeout=DEADLINE) as answer:  # noqa: S310
        document: dict[str, str] = json.load(answer)
    return document


@pytest.fixture
def platform(instance: Path) -> Iterator[Platform]:
    started = Platform(instance)
    yield started
    if started.process.poll() is None:
        started.process.terminate()
        started.process.wait(DEADLINE)
    # A killed platform leaves its socket to the next start, which a test has not always made.
    redis_server.remove_socket_folder(instance)


def test_the_platform_starts_answers_and_ends_without_a_trace(platform: Platform) -> None:
    url = platform.wait_url()
    assert health(url)["status"] == "healthy"
    processes = platform.processes()
    assert set(processes) == {
        "redis-server", "paas-ansible", "paas-web", "paas-worker-1", "paas-worker-2",
        "paas-sweeper", "paas-edge",
    }  # fmt: skip
    platform.process.terminate()
    assert platform.process.wait(DEADLINE) == 0, platform.shown()
    assert not any(alive(pid) for pid in processes.values())
    assert not redis_server.socket_folder(platform.instance).exists()
    lines = (platform.instance / "logs" / "paas.log").read_text().splitlines()
    assert all({"time", "level", "role", "message"} <= json.loads(line).keys() for line in lines)


def test_every_killed_process_comes_back(platform: Platform) -> None:
    url = platform.wait_url()
    before = platform.processes()
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)

    def all_back() -> bool:
        now = platform.processes()
        return set(now) == set(before) and not set(now.values()) & set(before.values())

    wait_for(all_back, "the restart of every process")
    assert health(url)["status"] == "healthy"


def test_all_die_with_the_killed_manager_and_a_new_start_works(platform: Platform) -> None:
    platform.wait_url()
    processes = platform.processes()
    platform.process.kill()
    platform.process.wait()
    wait_for(lambda: not any(alive(pid) for pid in processes.values()), "the end of all")
    second = Platform(platform.instance)
    try:
        assert health(second.wait_url())["status"] == "healthy"
    finally:
        second.process.terminate()
        assert second.process.wait(DEADLINE) == 0


def test_a_second_platform_of_the_instance_is_refused(platform: Platform) -> None:
    url = platform.wait_url()
    second = Platform(platform.instance, output="second.txt")
    assert second.process.wait(DEADLINE) == 1
    assert f"is already served by another platform (process {platform.process.pid})" in (
        second.shown()
    )
    assert health(url)["status"] == "healthy"


def test_a_port_in_use_is_a_sentence(platform: Platform, tmp_path: Path) -> None:
    port = platform.wait_url().rpartition(":")[2]
    second = Platform(tmp_path / "i", PAAS_PORT=port)
    assert second.process.wait(DEADLINE) == 1
    assert f"Port {port} of 127.0.0.1 is in use by another program" in second.shown()
