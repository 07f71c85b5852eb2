"""kill -9 with real guests: their making, their configuration over SSH, and their removal."""

from collections.abc import Iterator

import pytest

from tests.functional.running import until
from tests.lab import killing, live
from tests.lab.killing import MAKING, VICTIMS
from tests.lab.lab import Lab
from tests.lab.live import PROCFILE, LabPlatform

# The release command makes the middle of the configuration long enough to be hit.
FILES = {"index.html": "<title>alive</title>", "Procfile": f"release: sleep 3\n{PROCFILE}"}


@pytest.fixture(scope="module")
def platform(lab: Lab) -> Iterator[LabPlatform]:
    with live.running(lab, PAAS_WORKERS="2") as made:
        yield made


@pytest.fixture(autouse=True)
def mended(lab: Lab) -> Iterator[None]:
    yield
    lab.pve.faults.clear()


@pytest.fixture(scope="module")
def repository(lab: Lab) -> str:
    return lab.git.add("killed", FILES)


def assert_serves(platform: LabPlatform, app_id: str) -> None:
    platform.runs(app_id)
    assert "alive" in platform.page(app_id).text


def test_killed_while_real_guests_are_made_and_removed(
    platform: LabPlatform, repository: str
) -> None:
    pve = platform.lab.pve
    for task in MAKING.values():
        pve.faults.task_hang(task)
    ids = [platform.begin(kind, repository, f"made-{kind}") for kind in MAKING]
    for task in MAKING.values():
        killing.hanging(pve, task)
    killing.kill(platform, VICTIMS["guard"])
    pve.faults.release()
    for app_id in ids:
        assert_serves(platform, app_id)
    assert len(platform.lab.ground.hypervisor.vmids()) == len(ids)
    pve.faults.task_hang("destroy", times=len(ids))
    for app_id in ids:
        platform.delete(app_id)
    killing.hanging(pve, "destroy", len(ids))
    killing.kill(platform, VICTIMS["worker"])
    pve.faults.release()
    for app_id in ids:
        platform.ends(app_id, "deleted")
    platform.nothing_left()


@pytest.mark.parametrize("who", ["ansible", "ssh", "horse"])
def test_killed_while_a_guest_is_configured(
    platform: LabPlatform, repository: str, who: str
) -> None:
    app_id = platform.begin("lxc", repository, f"configured-{who}")
    until(lambda: (platform.get(app_id).get("step") or {}).get("name") == "configure", "configure")
    until(lambda: killing.ssh(platform), "a connection over SSH")
    killing.kill(platform, killing.INSIDE[who])
    assert_serves(platform, app_id)
    platform.delete_all([app_id])
    platform.nothing_left()
