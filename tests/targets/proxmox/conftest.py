"""Fixtures of the tests of the Proxmox targets: a cluster for all, a guest's world for each."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paas.tools.proxmox import Access
from tests.lab import ground, provider_build
from tests.lab.hypervisor import HypervisorError
from tests.lab.pve import LabPve
from tests.targets.proxmox.world import TARGETS, Applying, FakeInside, World, site_of
from tests.tools.proxmox import cluster

Apply = Callable[..., Applying]


@pytest.fixture(scope="module")
def whole() -> Iterator[tuple[LabPve, Access]]:
    with cluster() as made:
        yield made


@pytest.fixture
def pve(whole: tuple[LabPve, Access]) -> Iterator[LabPve]:
    """The cluster without faults, and afterwards without guests."""
    made = whole[0]
    yield made
    made.faults.clear()
    for guest in made.on_loop(lambda: [*made.vms, *made.cts]):
        if not guest.template:
            made.run(made.forget(guest))


@pytest.fixture
def access(whole: tuple[LabPve, Access]) -> Access:
    return whole[1]


@pytest.fixture(params=["lxc", "vm"])
def world(request: pytest.FixtureRequest, pve: LabPve, access: Access) -> World:
    """Both kinds of guests, one after the other."""
    inside = FakeInside()
    return World(pve, TARGETS[request.param](site_of(access), inside), inside)


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The provider; where it can neither be fetched nor built, only a required lab fails."""
    try:
        return provider_build.mirror(ground.cache())
    except HypervisorError as error:
        if os.environ.get("PAAS_LAB") == "required":
            raise
        pytest.skip(f"Terraform's provider for Proxmox cannot be had here: {error}")


@pytest.fixture
def applying(world: World, mirror: Path, tmp_path: Path) -> Apply:
    """Terraform for a guest that is reserved now."""

    def begin(**changes: object) -> Applying:
        guest = world.reserve(**changes)
        return Applying(world, guest, tmp_path / guest.uuid, mirror)

    return begin
