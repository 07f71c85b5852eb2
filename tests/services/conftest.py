"""A platform whose work is recorded and enqueued, and done by nobody."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from paas.engine.platform import Platform
from paas.frameworks.catalogue import Catalogue
from paas.settings import CHECKOUT, Settings
from tests.engine.conftest import bare  # noqa: F401 - It is the fixture below's base.
from tests.lab.pve import LabPve
from tests.tools.proxmox import LXC_TEMPLATE, SITE, cluster


class Door:
    """A target that is asked at the door only."""

    name = "local"

    def refusals(self, framework: str) -> list[str]:
        return ["There is no Composer on this host"] if framework == "laravel" else []


@pytest.fixture
def platform(bare: Platform) -> Platform:  # noqa: F811
    catalogue = Catalogue.load(CHECKOUT / "frameworks")
    return dataclasses.replace(bare, catalogue=catalogue, targets={"local": Door()})


@pytest.fixture
def pve() -> Iterator[LabPve]:
    """A cluster as docs/proxmox.md has it."""
    with cluster() as (made, _access):
        yield made


@pytest.fixture
def site(pve: LabPve, tmp_path: Path) -> Settings:
    """Settings for which that cluster lacks nothing."""
    return Settings(
        instance=tmp_path,
        target="proxmox",
        proxmox_url=pve.url,
        proxmox_token=f"{SITE.token}={pve.apitokens[SITE.token]}",
        proxmox_ca_file=str(pve.ca_file),
        proxmox_lxc_template=LXC_TEMPLATE,
        proxmox_vm_template=SITE.vm_template,
        proxmox_addresses="10.213.77.20-10.213.77.99/24,gw=10.213.77.1",
        proxmox_timeout=20,
    )
