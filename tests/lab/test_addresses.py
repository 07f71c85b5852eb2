"""Guests that get their addresses from the network's DHCP server."""

import ipaddress
from collections.abc import Iterator

import pytest

from tests.lab import live
from tests.lab.lab import Lab
from tests.lab.live import PROCFILE, LabPlatform


@pytest.fixture(scope="module")
def platform(lab: Lab) -> Iterator[LabPlatform]:
    with live.running(lab, PAAS_PROXMOX_ADDRESSES="dhcp") as made:
        yield made


@pytest.mark.parametrize("kind", ["lxc", "vm"])
def test_a_guest_is_found_at_the_address_that_dhcp_gave(platform: LabPlatform, kind: str) -> None:
    name = f"leased-{kind}"
    repository = platform.lab.git.add(name, {"index.html": "1", "Procfile": PROCFILE})
    app = platform.begin(kind, repository, name)
    found = platform.runs(app)
    # The lab's own range, above that of the platform's pool.
    assert ipaddress.ip_address(found["ip_address"]).packed[3] in range(200, 251)
    platform.changes(app, name)
