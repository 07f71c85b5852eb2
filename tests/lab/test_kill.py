"""kill -9 in the middle of what Proxmox does slowly: it ends as promised, and nothing is orphaned.

Real Terraform and the real provider, a fake cluster; what is inside its guests is pretended.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import killing
from tests.lab.killing import MAKING, VICTIMS, KillPlatform
from tests.mirror import Mirror


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, provider_mirror: Path
) -> Iterator[KillPlatform]:
    mirror = Mirror(tmp_path_factory.mktemp("mirror"))
    mirror.add_sample("static")
    folder = Path(tempfile.mkdtemp(prefix="pk", dir="/tmp"))
    try:
        with killing.running(folder, mirror.folder, provider_mirror) as made:
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def in_order(platform: KillPlatform) -> Iterator[None]:
    yield
    platform.pve.faults.clear()


@pytest.mark.parametrize("who", VICTIMS)
@pytest.mark.parametrize("kind", MAKING)
def test_killed_while_a_guest_is_made(platform: KillPlatform, kind: str, who: str) -> None:
    platform.pve.faults.task_hang(MAKING[kind])
    app_id = platform.begin(kind)
    platform.hanging(MAKING[kind])
    killing.kill(platform, VICTIMS[who])
    platform.pve.faults.release()
    platform.runs(app_id)
    platform.check()
    platform.goes(app_id)
    platform.check()


@pytest.mark.parametrize("who", VICTIMS)
@pytest.mark.parametrize("kind", MAKING)
def test_killed_while_a_guest_is_removed(platform: KillPlatform, kind: str, who: str) -> None:
    app_id = platform.begin(kind)
    platform.runs(app_id)
    platform.pve.faults.task_hang("destroy")
    platform.delete(app_id)
    platform.hanging("destroy")
    killing.kill(platform, VICTIMS[who])
    platform.pve.faults.release()
    platform.ends(app_id, "deleted")
    platform.check()
