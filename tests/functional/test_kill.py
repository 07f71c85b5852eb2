"""Kill any process in the middle of a deploy or a destroy: it ends as promised all the same."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.functional.running import Running, comm, parent, until
from tests.mirror import Mirror

# The release command makes the middle of Ansible long enough to be hit.
FILES = {
    "index.html": "<title>alive</title>",
    "Procfile": "release: sleep 2\nweb: exec python3 -m http.server $PORT --bind $HOST\n",
}


@pytest.fixture
def running(instance: Path, tmp_path: Path) -> Iterator[Running]:
    mirror = Mirror(tmp_path / "mirror")
    mirror.add("site", FILES)
    made = Running(instance, mirror.folder).start()
    yield made
    made.stop(signal.SIGTERM)
    left = list(made.processes())
    for pid, _ in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


def body(number: int) -> dict[str, object]:
    return {
        "name": f"site-{number}",
        "deployment_type": "lxc",
        "framework": "static",
        "github_url": "https://github.com/tests/site",
        "port": 18_000 + number,
    }


def find(running: Running, words: str) -> list[int]:
    return [pid for pid, line in running.processes() if words in line]


def role(name: str) -> Callable[[Running], list[int]]:
    """The processes of the platform of a kind, without what workers fork for their jobs."""

    def found(running: Running) -> list[int]:
        named = [pid for pid, _ in running.processes() if comm(pid).startswith(f"paas-{name}")]
        return [pid for pid in named if name != "worker" or parent(pid) not in named]

    return found


def horse(running: Running) -> list[int]:
    """The forked children of the workers."""
    workers = set(role("worker")(running))
    return [pid for pid, _ in running.processes() if parent(pid) in workers]


def program(name: str) -> Callable[[Running], list[int]]:
    """Programs that work for an operation, found by their name."""
    return lambda running: find(running, name)


KINDS: dict[str, tuple[str, Callable[[Running], list[int]]]] = {
    "web": ("configure", role("web")),
    "worker": ("configure", role("worker")),
    "worker-early": ("fetch", role("worker")),
    "horse": ("configure", horse),
    "horse-provision": ("provision", horse),
    "terraform": ("provision", program("terraform ")),
    "ansible": ("configure", program("ansible")),
    "redis": ("configure", program("redis-server")),
    "sweeper": ("configure", role("sweeper")),
}


def hit(running: Running, app_id: str, step: str, who: Callable[[Running], list[int]]) -> None:
    """Wait for the step and for a process of the kind, and kill every one of them."""
    until(lambda: step in steps(running, app_id), f"the step {step}")
    victims = until(lambda: who(running), "a process to kill", 20)
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def steps(running: Running, app_id: str) -> list[str]:
    found = running.get(app_id)
    step = found.get("step") or {}
    return [step.get("name", "")]


def assert_serves(running: Running, app_id: str) -> None:
    found = running.ends(app_id, "running")
    assert "alive" in requests.get(found["access_url"], timeout=10).text


def assert_nothing_left(running: Running) -> None:
    guests = running.instance / "guests"
    until(lambda: list(guests.iterdir()) == [], "every guest's folder to go")
    until(lambda: not find(running, str(guests)), "every guest's process to end")
    until(lambda: list((running.instance / "work").iterdir()) == [], "every workdir to go")


@pytest.mark.parametrize("kind", KINDS)
def test_a_deploy_ends_well_whoever_is_killed_in_its_middle(running: Running, kind: str) -> None:
    step, who = KINDS[kind]
    app_id = running.deploy(body(1))
    hit(running, app_id, step, who)
    found = running.ends(app_id, "running", "failed")
    if found["status"] == "failed":
        # Terraform and Ansible that end by a signal cost an attempt, never the app.
        raise AssertionError(running.text(app_id))
    assert_serves(running, app_id)
    running.delete(app_id)
    running.ends(app_id, "deleted")
    assert_nothing_left(running)


@pytest.mark.parametrize("step", ["fetch", "provision", "configure"])
def test_everything_is_killed_in_the_middle_and_the_next_start_goes_on(
    running: Running, step: str
) -> None:
    app_id = running.deploy(body(2))
    until(lambda: step in steps(running, app_id), f"the step {step}")
    assert running.process is not None
    running.process.kill()
    running.process.wait(30)
    until(
        lambda: not find(running, "ansible") and not find(running, "terraform "),
        "the killed platform's programs to end",
    )
    running.start()
    assert_serves(running, app_id)
    running.delete(app_id)
    running.ends(app_id, "deleted")
    assert_nothing_left(running)


@pytest.mark.parametrize("kind", ["worker", "horse", "terraform", "redis"])
def test_a_destroy_ends_whoever_is_killed_in_its_middle(running: Running, kind: str) -> None:
    app_id = running.deploy(body(3))
    assert_serves(running, app_id)
    running.delete(app_id)
    hit(running, app_id, "destroy", KINDS[kind][1])
    running.ends(app_id, "deleted")
    assert_nothing_left(running)


def test_a_running_deployment_is_deleted(running: Running) -> None:
    app_id = running.deploy(body(4))
    until(lambda: "configure" in steps(running, app_id), "the step configure")
    running.delete(app_id)
    running.ends(app_id, "deleted")
    assert_nothing_left(running)


def test_an_app_survives_its_supervisor_and_the_platform(running: Running) -> None:
    app_id = running.deploy(body(5))
    assert_serves(running, app_id)
    assert running.stop(signal.SIGTERM) == 0
    found_url = f"http://{address(running)}:18005"
    assert "alive" in requests.get(found_url, timeout=10).text
    for pid in find(running, str(running.instance / "guests")):
        os.kill(pid, signal.SIGKILL)
    running.start()
    until(lambda: answers(found_url), "the app to be brought back")
    running.delete(app_id)
    running.ends(app_id, "deleted")
    assert_nothing_left(running)


def address(running: Running) -> str:
    import json

    (guest,) = (running.instance / "guests").iterdir()
    return str(json.loads((guest / "guest.json").read_text())["address"])


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def test_redis_wiped_in_the_middle_loses_nothing(running: Running) -> None:
    ids = [running.deploy(body(number)) for number in (6, 7, 8)]
    running.wipe_redis()
    for app_id in ids:
        assert_serves(running, app_id)
        running.delete(app_id)
    for app_id in ids:
        running.ends(app_id, "deleted")
    assert_nothing_left(running)


@pytest.mark.parametrize("step", ["provision", "configure"])
def test_a_stop_in_the_middle_lets_terraform_end_and_the_next_start_goes_on(
    running: Running, step: str
) -> None:
    app_id = running.deploy(body(9))
    until(lambda: step in steps(running, app_id), f"the step {step}")
    assert running.stop(signal.SIGTERM) == 0
    assert not find(running, "terraform ")
    assert not find(running, "ansible")
    running.start()
    assert_serves(running, app_id)
    assert "killed" not in running.text(app_id)
    running.delete(app_id)
    running.ends(app_id, "deleted")
    assert_nothing_left(running)
