"""Two instances on one machine, with other ports, know nothing of each other."""

import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.functional.running import Running
from tests.mirror import Mirror


@pytest.fixture
def two(tmp_path: Path) -> Iterator[list[Running]]:
    mirror = Mirror(tmp_path / "mirror")
    mirror.add("site", {"index.html": "<title>here</title>"})
    with ExitStack() as stack:
        made = []
        for _ in range(2):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pi")))
            folder.chmod(0o711)
            made.append(Running(folder / "i", mirror.folder).start())
            stack.callback(made[-1].stop, signal.SIGTERM)
        yield made


def test_they_serve_the_same_name_and_port_at_addresses_of_their_own(two: list[Running]) -> None:
    body = {
        "name": "site",
        "deployment_type": "vm",
        "framework": "static",
        "github_url": "https://github.com/tests/site",
        "port": 18_100,
    }
    ids = [running.deploy(body) for running in two]
    found = [running.ends(app_id, "running") for running, app_id in zip(two, ids, strict=True)]
    assert len({one["access_url"] for one in found}) == 2
    two[0].delete(ids[0])
    two[0].ends(ids[0], "deleted")
    assert "here" in requests.get(found[1]["access_url"], timeout=10).text
    two[1].delete(ids[1])
    two[1].ends(ids[1], "deleted")
