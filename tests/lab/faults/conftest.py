"""Fixtures of the fault table: a cluster, a platform before it, and the look at both afterwards."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from paas.engine import assembly, attempt, provision
from paas.engine.platform import Platform
from paas.settings import Settings
from paas.store import setup
from paas.targets.proxmox import addresses, presence, tasks
from paas.targets.proxmox.lxc import LxcTarget
from paas.targets.proxmox.site import Site
from paas.targets.proxmox.vm import VmTarget
from paas.tools.proxmox import Access, Proxmox
from paas.tools.ssh import public_key
from tests.lab.faults import table
from tests.lab.faults.inside import NoPlay, PretendInside
from tests.lab.faults.table import Row
from tests.lab.faults.world import World
from tests.lab.pve import LabPve
from tests.mirror import Mirror
from tests.tools.proxmox import LXC_TEMPLATE, SITE, cluster

ADDRESSES = "192.0.2.20-192.0.2.99/24,gw=192.0.2.1"
# What is waited for in a test comes within milliseconds.
PAUSE = 0.02

Open = Callable[..., World]


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A git mirror with one small app."""
    made = Mirror(tmp_path_factory.mktemp("mirror"))
    made.add_sample("static")
    return str(made.folder)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance before its first start's end, and with the provider that Terraform loads once."""
    folder = tmp_path_factory.mktemp("prepared") / "instance"
    setup.prepare(Settings(instance=folder, port=0))
    return folder


@pytest.fixture
def fault_cluster() -> Iterator[tuple[LabPve, Access]]:
    with cluster() as made:
        yield made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """No pauses, no Ansible, and neighbours only where a test puts them."""
    neighbours: set[str] = set()
    monkeypatch.setattr(addresses, "answers", lambda address, ports: address in neighbours)
    monkeypatch.setattr(attempt, "Playbook", NoPlay)
    monkeypatch.setattr(provision, "PAUSES", (PAUSE,))
    monkeypatch.setattr(presence, "PAUSE", PAUSE)
    monkeypatch.setattr(tasks, "FIRST_PAUSE", PAUSE)
    return neighbours


@pytest.fixture
def opening(
    instance: Path,
    prepared: Path,
    redis_server: str,
    source: str,
    provider_mirror: Path,
    fault_cluster: tuple[LabPve, Access],
    quick: set[str],
) -> Iterator[Open]:
    """Put a world together, with other settings than usual where a test needs them."""
    pve, access = fault_cluster
    made: list[World] = []

    def begin(**changes: object) -> World:
        shutil.copytree(prepared, instance, symlinks=True)
        shutil.rmtree(instance / "terraform")
        (instance / "terraform").symlink_to(prepared / "terraform")
        usual = Settings(
            instance=instance,
            redis_url=redis_server,
            git_mirror=source,
            target="proxmox",
            terraform_mirror=str(provider_mirror),
            proxmox_url=access.url,
            proxmox_token=access.token,
            proxmox_ca_file=access.ca_file,
            proxmox_pool=SITE.pool,
            proxmox_addresses=ADDRESSES,
            proxmox_lxc_template=LXC_TEMPLATE,
            proxmox_vm_template=SITE.vm_template,
            step_timeout=60,
        )
        settings = replace(usual, **changes)  # type: ignore[arg-type]
        platform, inside = _platform(settings)
        world = World(pve, platform, inside, quick)
        world.settle_strangers()
        made.append(world)
        return world

    yield begin
    for world in made:
        world.platform.store.close()


def _platform(settings: Settings) -> tuple[Platform, PretendInside]:
    """The platform with its targets as they are, but for what is inside their guests."""
    platform = assembly.build(settings)
    key = setup.ssh_key(platform.store)
    inside = PretendInside(key)
    site = Site.of(settings, platform.installation, public_key(key))
    proxmox = Proxmox(site.access)
    targets = [LxcTarget(site, inside, proxmox), VmTarget(site, inside, proxmox)]
    return replace(platform, targets={target.name: target for target in targets}), inside


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Iterator[Row]:
    """The row of the table that the test is for; its sentence must have been seen."""
    found = table.rows()[table.name_of(request.node.originalname)]
    yield found
    assert found.was_seen, f"nothing told the user {found.sentence!r}"


@pytest.fixture
def world(opening: Open, row: Row) -> Iterator[World]:
    """The usual world. Whatever went wrong: nothing is orphaned, and nobody waits in silence."""
    made = opening()
    yield made
    made.check()
