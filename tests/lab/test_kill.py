"""kill -9 in the middle of what Proxmox does slowly: it ends as promised, and nothing is orphaned.

Real Terraform and the real provider, a fake cluster; what is inside its guests is pretended. A
container and a VM are always made at once, by two workers on one queue.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.functional.running import until
from tests.lab import kill_platform, killing
from tests.lab.kill_platform import KillPlatform
from tests.lab.killing import MAKING, VICTIMS


@pytest.fixture(scope="module")
def one_for_all(provider_mirror: Path) -> Iterator[KillPlatform]:
    with kill_platform.running(provider_mirror) as made:
        yield made


@pytest.fixture
def platform(one_for_all: KillPlatform) -> Iterator[KillPlatform]:
    yield one_for_all
    one_for_all.pve.faults.clear()
    one_for_all.delete_all()


def begin_and_hang(platform: KillPlatform) -> dict[str, tuple[str, int]]:
    """Begin an app of each kind, up to where Proxmox makes its guest: kind -> id and vmid."""
    for task in MAKING.values():
        platform.pve.faults.task_hang(task)
    ids = {kind: platform.begin(kind) for kind in MAKING}
    return {kind: (ids[kind], platform.hanging(MAKING[kind])) for kind in MAKING}


@pytest.mark.parametrize("who", VICTIMS)
def test_killed_while_guests_are_made_and_removed(platform: KillPlatform, who: str) -> None:
    begun = begin_and_hang(platform)
    killing.kill(platform, VICTIMS[who])
    platform.pve.faults.release()
    for app_id, _ in begun.values():
        platform.runs(app_id)
    platform.check()
    platform.pve.faults.task_hang("destroy", times=2)
    for app_id, _ in begun.values():
        platform.delete(app_id)
    platform.hanging("destroy", 2)
    killing.kill(platform, VICTIMS[who])
    platform.pve.faults.release()
    for app_id, _ in begun.values():
        platform.ends(app_id, "deleted")
    platform.check()


@pytest.mark.parametrize("who", ["provider", "worker"])
def test_a_stranger_takes_the_vmid_of_a_guest_that_was_being_made(
    platform: KillPlatform, who: str
) -> None:
    begun = begin_and_hang(platform)
    killing.kill(platform, VICTIMS[who])

    def end() -> None:
        for task in MAKING.values():
            platform.abort(task)

    vmids = {kind: vmid for kind, (_, vmid) in begun.items()}
    platform.replace_by_strangers(vmids, end)
    for kind, (app_id, _) in begun.items():
        assert platform.runs(app_id) != vmids[kind]
    platform.check()
    for app_id, _ in begun.values():
        platform.goes(app_id)
    platform.check()


@pytest.mark.parametrize("who", ["terraform", "horse"])
def test_a_stranger_takes_the_vmid_of_a_guest_that_was_being_removed(
    platform: KillPlatform, who: str
) -> None:
    ids = {kind: platform.begin(kind) for kind in MAKING}
    vmids = {kind: platform.runs(app_id) for kind, app_id in ids.items()}
    platform.pve.faults.task_hang("destroy", times=2)
    for app_id in ids.values():
        platform.delete(app_id)
    platform.hanging("destroy", 2)
    killing.kill(platform, VICTIMS[who])
    platform.replace_by_strangers(vmids, platform.pve.faults.release)
    for app_id in ids.values():
        platform.ends(app_id, "deleted")
    platform.check()


def test_who_waits_for_the_template_goes_on_when_its_user_is_killed(
    platform: KillPlatform,
) -> None:
    platform.pve.faults.task_hang("clone")
    first = platform.begin("vm")
    platform.hanging("clone")
    second = platform.begin("vm")
    until(lambda: "waits for another deployment" in platform.text(second), "the second to wait")
    killing.kill(platform, VICTIMS["horse"])
    platform.pve.faults.release()
    assert platform.runs(first) != platform.runs(second)
    platform.check()
    clones = platform.pve.task_log("qmclone")[-3:]
    ends = [(task["starttime"], task["endtime"]) for task in clones]
    assert all(end <= begun for (_, end), (begun, _) in pairwise(ends))
    for app_id in (first, second):
        platform.goes(app_id)
    platform.check()
