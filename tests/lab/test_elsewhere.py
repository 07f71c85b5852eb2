"""A host that was added while the platform ran: guests live there as at the settings' own."""

from collections.abc import Iterator

import pytest

from tests.lab import live
from tests.lab.lab import Lab
from tests.lab.live import PROCFILE, LabPlatform
from tests.tools.proxmox import cluster


@pytest.fixture
def platform(lab: Lab) -> Iterator[LabPlatform]:
    """Its settings name a cluster that has no template for guests; the lab is added to it."""
    with cluster() as (own, access):
        own.cluster_name = "own"
        own.on_loop(own.vms.clear)
        settings = {
            "PAAS_PROXMOX_URL": access.url,
            "PAAS_PROXMOX_TOKEN": access.token,
            "PAAS_PROXMOX_CA_FILE": access.ca_file,
        }
        with live.running(lab, **settings) as made:
            yield made


def add(platform: LabPlatform) -> None:
    lab = platform.lab
    worker = {
        "name": "second",
        "ip_address": lab.ground.plan.api,
        "api_token": lab.token,
        "ca": lab.pve.ca_file.read_text(),
    }
    token = (platform.instance / "token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    platform.ask("POST", "/admin/paas/workers", 201, json=worker, headers=headers)


@pytest.mark.parametrize("kind", ["lxc", "vm"])
def test_an_app_lives_on_a_host_that_was_added(platform: LabPlatform, kind: str) -> None:
    add(platform)
    git = platform.lab.git
    name = f"elsewhere-{kind}"
    app = platform.begin(kind, git.add(name, {"index.html": "1", "Procfile": PROCFILE}), name)
    platform.runs(app)
    platform.changes(app, name)
