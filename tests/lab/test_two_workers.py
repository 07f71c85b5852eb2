"""Ten deployments at once for two workers on one queue, and Redis wiped while they work."""

from collections.abc import Iterator

import pytest

from tests.functional.running import until
from tests.lab import live
from tests.lab.lab import Lab
from tests.lab.live import PROCFILE, LabPlatform

APPS = 10


@pytest.fixture(scope="module")
def platform(lab: Lab) -> Iterator[LabPlatform]:
    with live.running(lab, PAAS_WORKERS="2") as made:
        yield made


def test_ten_at_once_are_deployed_and_destroyed_though_redis_was_wiped(
    platform: LabPlatform,
) -> None:
    repository = platform.lab.git.add("one-of-ten", {"index.html": "ten", "Procfile": PROCFILE})
    kinds = ["lxc" if number % 2 else "vm" for number in range(APPS)]
    ids = [
        platform.begin(kind, repository, f"ten-{number}-{kind}")
        for number, kind in enumerate(kinds)
    ]
    until(lambda: platform.stats()["running_deployments"] >= 1, "the first to run", live.PATIENCE)
    platform.wipe_redis()
    found = [platform.runs(app_id) for app_id in ids]
    assert len({one["ip_address"] for one in found}) == APPS
    assert len({one["vm_id"] for one in found}) == APPS
    assert [platform.page(app_id).text for app_id in ids] == ["ten"] * APPS
    for app_id in ids:
        platform.delete(app_id)
    until(lambda: len(platform.listed()) < APPS, "the first to be deleted", live.PATIENCE)
    platform.wipe_redis()
    platform.delete_all(ids)
    platform.nothing_left()
