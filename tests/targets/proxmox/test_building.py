"""Guests made through the API alone, and templates made of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from paas.domain.errors import StepFailed
from paas.domain.specs import GuestSpec
from paas.targets.contract import Presence
from paas.targets.proxmox import building, marker
from paas.targets.proxmox.building import Builder
from paas.tools import proxmox_rights as rights
from paas.tools.proxmox import Refused, Spot
from paas.tools.ssh import Done
from tests.tools.proxmox import SITE

from .world import PUBLIC_KEY, World

VALUES: dict[str, Any] = {
    "vmid": 100007,
    "hostname": "paas-template-1",
    "template": "local:vztmpl/debian-12.tar.zst",
    "storage": "local-lvm",
    "disk": 8,
    "bridge": "vmbr0",
    "vlan": 20,
    "mac": "02:00:00:00:00:01",
    "address": "10.0.0.20/24",
    "gateway": "10.0.0.1",
    "dns": ["10.0.0.1", "10.0.0.2"],
    "ssh_key": "ssh-ed25519 AAAA+/=",
    "pool": "paas",
    "cores": 2,
    "memory": 1024,
    "description": "paas: x",
    "tags": ["paas", "paas-1234"],
}


class Interior:
    """Programs in a guest: what was run, and what they answer."""

    def __init__(self, **codes: int) -> None:
        self.ran: list[list[str]] = []
        self._codes = codes

    def call(
        self,
        guest: GuestSpec,
        argv: Sequence[str],
        *,
        deadline: float,
        write: Callable[[bytes], object] | None = None,
    ) -> Done:
        self.ran.append(list(argv))
        if write:
            write(b"part one, ")
            write(b"part two")
        return Done(self._codes.get(argv[0], 0), b"", "first\nthe reason")


def builder(world: World, interior: Interior) -> Builder:
    return Builder(world.target, interior)  # type: ignore[arg-type]


def test_a_containers_parameters() -> None:
    assert building.container(VALUES) == {
        "vmid": 100007,
        "hostname": "paas-template-1",
        "ostemplate": "local:vztmpl/debian-12.tar.zst",
        "storage": "local-lvm",
        "rootfs": "local-lvm:8",
        "net0": (
            "name=eth0,bridge=vmbr0,hwaddr=02:00:00:00:00:01,ip=10.0.0.20/24,gw=10.0.0.1,tag=20"
        ),
        "ssh-public-keys": "ssh-ed25519 AAAA+/=",
        "features": "nesting=1",
        "unprivileged": True,
        "pool": "paas",
        "cores": 2,
        "memory": 1024,
        "nameserver": "10.0.0.1 10.0.0.2",
        "description": "paas: x",
        "tags": "paas;paas-1234",
    }


def test_a_machines_parameters() -> None:
    changed = building.machine({**VALUES, "vlan": 0, "dns": []}, {"ide2": "local:iso/x.iso"})
    assert changed["net0"] == "virtio=02:00:00:00:00:01,bridge=vmbr0"
    assert changed["ipconfig0"] == "ip=10.0.0.20/24,gw=10.0.0.1"
    assert changed["sshkeys"] == "ssh-ed25519%20AAAA%2B%2F%3D"
    assert changed["ide0"] == "local-lvm:cloudinit"
    assert changed["nameserver"] is None
    assert "agent" not in changed
    by_dhcp = {**VALUES, "address": "dhcp", "gateway": ""}
    assert building.machine(by_dhcp, {})["ipconfig0"] == "ip=dhcp"
    assert building.machine(by_dhcp, {})["agent"] == 1
    has_one = building.machine(VALUES, {"scsi1": "local-lvm:vm-9-cloudinit,media=cdrom"})
    assert not [value for value in has_one.values() if "cloudinit" in str(value)]
    full = dict.fromkeys(building.CLOUD_INIT_DRIVES, "local:iso/x.iso")
    with pytest.raises(StepFailed, match="no place for a cloud-init drive"):
        building.machine(VALUES, full)


def test_a_guest_is_made_and_can_be_removed_by_its_marker(world: World) -> None:
    guest = world.reserve()
    builder(world, Interior()).make(guest)
    spot = world.target.proxmox.find(guest.vmid)
    assert spot == Spot(guest.node, world.kind, "stopped")
    config = world.target.guests.config(spot, guest.vmid)
    assert config is not None
    assert marker.read(config["description"]) == guest.marker
    assert world.target.observe(guest) is Presence.OURS
    world.target.remove(guest)
    assert world.target.observe(guest) is Presence.ABSENT


@pytest.mark.parametrize("world", ["vm"], indirect=True)
def test_a_machine_becomes_a_template_that_knows_nothing_of_us(world: World) -> None:
    guest = world.reserve()
    interior = Interior()
    made = builder(world, interior)
    made.make(guest)
    world.target.power.start(guest)
    made.convert(guest, "paas-debian-12-python")
    row = next(one for one in world.target.proxmox.resources() if one["vmid"] == guest.vmid)
    assert (row["template"], row["name"]) == (1, "paas-debian-12-python")
    config = world.target.proxmox.get(f"/nodes/{guest.node}/qemu/{guest.vmid}/config")
    assert config["tags"] == "paas-template"
    assert marker.read(config["description"]) == ""
    text = str(config)
    assert PUBLIC_KEY.split()[1] not in text
    assert "cloudinit" not in text
    assert "ipconfig0" not in config
    remove = interior.ran[-1]
    assert remove[:2] == ["sh", "-c"]
    assert "root/.ssh/authorized_keys" in remove[2]
    assert world.target.standing() == []


@pytest.mark.parametrize("world", ["lxc"], indirect=True)
def test_a_container_is_packed_without_what_is_its_own(world: World, tmp_path: Path) -> None:
    guest = world.reserve()
    interior = Interior()
    archive = tmp_path / "x.tar.gz"
    builder(world, interior).pack(guest, archive)
    assert archive.read_bytes() == b"part one, part two"
    assert interior.ran[0] == ["truncate", "--size=0", "/etc/machine-id"]
    tar = interior.ran[1]
    assert {"--exclude=./etc/ssh/ssh_host_*", "--exclude=./proc/*"} <= set(tar)
    assert tar[-2:] == ["--directory=/", "."]
    with pytest.raises(StepFailed, match="could not be packed: the reason"):
        builder(world, Interior(tar=2)).pack(guest, archive)
    with pytest.raises(StepFailed, match="truncate failed in the guest: the reason"):
        builder(world, Interior(truncate=1)).pack(guest, archive)
    builder(world, Interior(tar=building.TAR_CHANGED)).pack(guest, archive)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Large enough to be sent in parts."""
    path = tmp_path / "paas-debian-12.tar.gz"
    path.write_bytes(b"x" * (11 * 1024**2))
    return path


@pytest.mark.parametrize("world", ["lxc"], indirect=True)
def test_an_archive_becomes_a_template_of_every_node(world: World, archive: Path) -> None:
    grant = rights.grants(SITE, building=True)[-1]
    world.pve.add_role(grant.role.name, grant.role.privileges)
    for who in (SITE.user, SITE.token):
        world.pve.grant(grant.path, who, grant.role.name)
    arrived: list[tuple[str, int]] = []
    world.pve.on_template = lambda volume, path: arrived.append((volume, path.stat().st_size))
    made = builder(world, Interior())
    assert made.upload(archive, "local", ["pve1", "pve2"]) == ["pve1", "pve2"]
    volume = f"local:vztmpl/{archive.name}"
    assert arrived == [(volume, archive.stat().st_size)] * 2
    rows = world.target.proxmox.get("/nodes/pve2/storage/local/content", content="vztmpl")
    assert volume in [row["volid"] for row in rows]
    world.pve.storages["local"]["shared"] = 1
    assert made.upload(archive, "local", ["pve1", "pve2"]) == ["pve1", "pve2"]
    assert len(arrived) == 3
    del world.pve.storages["local"]["shared"]
    world.pve.on_template = None


@pytest.mark.parametrize("world", ["lxc"], indirect=True)
def test_a_right_that_is_missing_stops_the_upload(world: World, archive: Path) -> None:
    for who in (SITE.user, SITE.token):
        world.pve.withdraw("/storage/local", who)
    with pytest.raises(Refused, match=r"Datastore\.AllocateTemplate on /storage/local"):
        builder(world, Interior()).upload(archive, "local", ["pve1"])
