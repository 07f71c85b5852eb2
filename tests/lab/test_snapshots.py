"""A snapshot before every redeploy, and the way back to it when the release fails."""

from collections.abc import Iterator

import pytest

from tests.lab import live
from tests.lab.lab import Lab
from tests.lab.live import KEEPING, LabPlatform

KEPT = 2


@pytest.fixture(scope="module")
def platform(lab: Lab) -> Iterator[LabPlatform]:
    with live.running(lab, PAAS_SNAPSHOTS=str(KEPT), PAAS_SNAPSHOT_RESTORE="1") as made:
        yield made


def snapshots(platform: LabPlatform, vmid: int) -> list[str]:
    """The names of the guest's snapshots in Proxmox."""
    guest = platform.lab.pve.guest(vmid)
    return platform.lab.pve.on_loop(lambda: [one for one in guest.snapshots if one != "current"])


@pytest.mark.parametrize("kind", ["lxc", "vm"])
def test_a_failed_release_goes_back_to_the_snapshot_and_old_ones_are_pruned(
    platform: LabPlatform, kind: str
) -> None:
    name, git = f"kept-{kind}", platform.lab.git
    repository = git.add(name, KEEPING)
    app = platform.begin(kind, repository, name)
    vmid = platform.runs(app)["vm_id"]
    born = platform.page(app).text
    assert born.startswith("born")
    assert snapshots(platform, vmid) == []
    for _ in range(KEPT + 1):
        git.add(name, {})
        assert platform.act(app, "redeploy")["error_message"] is None
    assert len(snapshots(platform, vmid)) == KEPT
    ruins = 'release: echo ruined >"$PAAS_DATA_DIR/index.html"; exit 3\n'
    git.add(name, {"Procfile": ruins + KEEPING["Procfile"].splitlines()[-1] + "\n"})
    found = platform.act(app, "redeploy")
    assert found["error_message"]
    assert (found["status"], found["vm_id"]) == ("running", vmid)
    assert platform.page(app).text == born
    git.add(name, KEEPING)
    assert platform.act(app, "redeploy")["error_message"] is None
    assert platform.page(app).text == born
    assert len(snapshots(platform, vmid)) == KEPT
