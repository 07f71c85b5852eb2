"""One app through its day, as a container and as a virtual machine."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import requests

from tests.functional.running import until
from tests.lab import live
from tests.lab.lab import Lab
from tests.lab.live import PROCFILE, LabPlatform
from tests.lab.taken_home import download, nodes, terraform_sees_no_changes

KINDS = ("lxc", "vm")
# Seconds between two looks of a visitor.
LOOK = 0.2


@pytest.fixture(scope="module")
def platform(lab: Lab) -> Iterator[LabPlatform]:
    with live.running(lab) as made:
        yield made


@pytest.fixture(scope="module")
def apps(platform: LabPlatform) -> Mapping[str, str]:
    """One app of each kind, from a repository of its own: kind -> id."""
    for kind in KINDS:
        commit(platform, kind, "first")
    made = {
        kind: platform.begin(kind, f"https://github.com/tests/day-{kind}", f"day-{kind}")
        for kind in KINDS
    }
    for app_id in made.values():
        platform.runs(app_id)
    return made


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def app(apps: Mapping[str, str], kind: str) -> str:
    return apps[kind]


def commit(platform: LabPlatform, kind: str, text: str, **files: str) -> None:
    """A new commit of the app's repository, whose page says ``text``."""
    page = {"index.html": f"<title>{text}</title>", "Procfile": PROCFILE}
    platform.lab.git.add(f"day-{kind}", page | files)


@contextmanager
def visited(platform: LabPlatform, app: str) -> Iterator[list[str]]:
    """Somebody looks at the app all the time; yields what went wrong for them."""
    url, ended = platform.get(app)["access_url"], threading.Event()
    bad: list[str] = []

    def look() -> None:
        while not ended.wait(LOOK):
            try:
                answer = requests.get(url, timeout=10)
                bad.extend([f"{answer.status_code}"] if answer.status_code != 200 else [])
            except requests.RequestException as error:
                bad.append(str(error))

    visitor = threading.Thread(target=look)
    visitor.start()
    try:
        yield bad
    finally:
        ended.set()
        visitor.join()


def vmid(platform: LabPlatform, app: str) -> int:
    return int(platform.get(app)["vm_id"])


def is_silent(platform: LabPlatform, app: str) -> bool:
    """Whether nobody answers at the app's URL."""
    try:
        platform.page(app)
    except requests.RequestException:
        return True
    return False


# Reading.


def test_its_log_tells_what_terraform_and_ansible_did(platform: LabPlatform, app: str) -> None:
    said = platform.text(app)
    assert "Creation complete" in said
    assert "Install and start the release: done" in said
    assert "serves at" in said


def lines(platform: LabPlatform, app: str, **query: object) -> list[str]:
    path = f"/deployments/{app}/runtime-logs"
    return [one["text"] for one in platform.ask("GET", path, params=query)["logs"]]


def test_its_own_output_is_read_narrowed_and_followed(platform: LabPlatform, app: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=30)
    platform.page(app, "/?needle-one")
    until(lambda: lines(platform, app, search="needle-one"), "the request to be logged", 30)
    platform.page(app, "/?needle-two")
    until(lambda: lines(platform, app, search="needle-two"), "the request to be logged", 30)
    assert len(lines(platform, app, limit=1)) == 1
    found = lines(platform, app, since=before.isoformat(), search="needle-")
    assert "needle-one" in found[0]
    assert "needle-two" in found[-1]
    later = datetime.now(UTC) + timedelta(hours=1)
    assert lines(platform, app, since=later.isoformat()) == []
    url = f"{platform.url}/api/deployments/{app}/runtime-logs"
    query = {"follow": "1", "search": "needle-three"}
    with requests.get(url, params=query, stream=True, timeout=60) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        platform.page(app, "/?needle-three")
        data = (line for line in stream.iter_lines() if line.startswith(b"data: "))
        assert "needle-three" in json.loads(next(data)[6:])["text"]


def test_the_numbers_are_those_of_the_list(platform: LabPlatform, apps: Mapping[str, str]) -> None:
    listed = platform.listed()
    running = [one for one in listed if one["status"] == "running"]
    stats = platform.stats()
    assert stats["total_deployments"] == len(listed) >= len(apps)
    assert stats["running_deployments"] == len(running)
    assert stats["success_rate"] == round(100 * len(running) / len(listed), 1)


# Newer releases.


def test_a_redeploy_brings_the_new_commit_and_no_visitor_sees_a_failure(
    platform: LabPlatform, app: str, kind: str
) -> None:
    guest, release = vmid(platform, app), platform.get(app)["release"]
    commit(platform, kind, "newer")
    with visited(platform, app) as bad:
        found = platform.act(app, "redeploy")
    assert bad == []
    assert "newer" in platform.page(app).text
    assert (found["vm_id"], found["release"]) == (guest, release + 1)


def test_a_release_that_fails_leaves_the_old_one_serving(
    platform: LabPlatform, app: str, kind: str
) -> None:
    commit(platform, kind, "good")
    platform.act(app, "redeploy")
    commit(platform, kind, "bad", Procfile="web: exec sh -c 'echo no luck; exit 3'\n")
    with visited(platform, app) as bad:
        found = platform.act(app, "redeploy")
    assert bad == []
    assert found["error_message"]
    assert "good" in platform.page(app).text
    commit(platform, kind, "mended")
    assert platform.act(app, "redeploy")["error_message"] is None
    assert "mended" in platform.page(app).text


def test_a_release_that_fails_leaves_a_stopped_app_stopped(
    platform: LabPlatform, app: str, kind: str
) -> None:
    commit(platform, kind, "resting")
    platform.act(app, "redeploy")
    platform.act(app, "stop", "stopped")
    commit(platform, kind, "bad", Procfile="web: exec false\n")
    assert platform.act(app, "redeploy", "stopped")["error_message"]
    assert is_silent(platform, app)
    assert platform.drift(app) == {}
    platform.act(app, "start")
    assert "resting" in platform.page(app).text
    commit(platform, kind, "mended")
    assert platform.act(app, "redeploy")["error_message"] is None


# Power.


def test_it_stops_and_starts(platform: LabPlatform, app: str) -> None:
    before = platform.page(app).text
    platform.act(app, "stop", "stopped")
    assert is_silent(platform, app)
    assert platform.drift(app) == {}
    platform.act(app, "start")
    assert platform.page(app).text == before


def test_it_shuts_down_and_restarts(platform: LabPlatform, app: str) -> None:
    hypervisor = platform.lab.ground.hypervisor
    platform.act(app, "shutdown", "stopped")
    assert not hypervisor.is_running(vmid(platform, app))
    platform.act(app, "start")
    before = began(platform, app)
    platform.act(app, "restart")
    assert platform.page(app).status_code == 200
    assert began(platform, app) > before


def began(platform: LabPlatform, app: str) -> int:
    """When the guest's first process began, in ticks of the machine's clock."""
    said = platform.lab.ground.hypervisor.run_inside(vmid(platform, app), "cat", "/proc/1/stat")
    return int(said.rpartition(")")[2].split()[19])


# Drift.


def answer(platform: LabPlatform, app: str, word: str, *ends: str) -> dict[str, object]:
    return platform.act(app, "drift", *ends, answer=word)


def test_changed_memory_is_reported_and_adopted(platform: LabPlatform, app: str) -> None:
    had = platform.get(app)["resources"]["memory"]
    platform.lab.pve.faults.change_behind(vmid(platform, app), memory=had + 128)
    assert platform.drift(app) == {"memory": (str(had), str(had + 128))}
    found = answer(platform, app, "adopt")
    assert found["resources"]["memory"] == had + 128
    assert platform.drift(app) == {}
    assert terraform_sees_no_changes(platform, app)


def test_changed_memory_is_repaired(platform: LabPlatform, app: str) -> None:
    had, guest = platform.get(app)["resources"]["memory"], vmid(platform, app)
    platform.lab.pve.faults.change_behind(guest, memory=had + 256)
    answer(platform, app, "repair")
    assert platform.drift(app) == {}
    assert int(platform.lab.pve.guest(guest).config["memory"]) == had
    assert platform.page(app).status_code == 200


def test_a_guest_that_was_moved_is_followed(platform: LabPlatform, app: str) -> None:
    found = platform.get(app)
    other = {"pve1": "pve2", "pve2": "pve1"}[found["node"]]
    guest = platform.lab.pve.guest(found["vm_id"])
    platform.lab.pve.faults.move(found["vm_id"], other)
    moved = platform.act(app, "redeploy")
    assert (moved["node"], moved["vm_id"]) == (other, found["vm_id"])
    assert platform.lab.pve.guest(found["vm_id"]) is guest
    assert platform.drift(app) == {}
    assert nodes(download(platform, app)) == {other}
    assert terraform_sees_no_changes(platform, app)


def test_a_guest_that_was_stopped_is_reported_and_answered(platform: LabPlatform, app: str) -> None:
    faults = platform.lab.pve.faults
    faults.stop_behind(vmid(platform, app))
    assert platform.drift(app) == {"power": ("running", "stopped")}
    answer(platform, app, "repair")
    assert platform.page(app).status_code == 200
    faults.stop_behind(vmid(platform, app))
    answer(platform, app, "adopt", "stopped")
    assert platform.drift(app) == {}
    platform.act(app, "start")
    assert platform.page(app).status_code == 200


# Taking it home.


def test_its_terraform_says_no_changes_elsewhere(platform: LabPlatform, app: str) -> None:
    assert terraform_sees_no_changes(platform, app)
