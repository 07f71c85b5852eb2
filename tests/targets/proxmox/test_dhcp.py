"""Guests whose addresses the network gives."""

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from paas.domain.errors import StepFailed
from paas.targets.contract import Contact
from paas.targets.proxmox import addresses, configs, marker
from paas.tools.proxmox import ProxmoxError, Refused, Spot

from .conftest import Apply
from .world import World


@pytest.fixture
def by_dhcp(world: World) -> World:
    site = replace(world.target.site, addresses=None, dns=())
    inside = world.inside
    return replace(world, target=type(world.target)(site, inside, world.target.proxmox))


def test_a_guest_without_a_static_address_is_made_and_planned_again(
    by_dhcp: World, world: World, applying: Apply
) -> None:
    world.target = by_dhcp.target
    made = applying()
    made.apply()
    assert made.plan().is_empty
    assert made.guest.address == ""
    wall = world.pve.hypervisor.firewalls[made.guest.vmid]  # type: ignore[attr-defined]
    assert (wall.mac_filter, wall.ip_filter) == (True, False)
    assert [
        (one.action, one.destination, one.port)
        for one in wall.rules
        if one.direction == "out" and one.port != "8006"
    ] == [
        ("REJECT", "::/0", ""),
        ("ACCEPT", "10.0.0.0/24", "67"),
        ("ACCEPT", "10.0.0.0/24", "53"),
        ("ACCEPT", "10.0.0.0/24", "53"),
        ("ACCEPT", "10.0.0.1", ""),
        ("REJECT", "10.0.0.0/24", ""),
    ]


def test_what_guests_may_reach_is_changed_in_place(
    by_dhcp: World, world: World, applying: Apply
) -> None:
    world.target = by_dhcp.target
    made = applying()
    made.apply()
    world.target.site = replace(
        world.target.site,
        services=(("10.0.0.40", 3142), ("192.0.2.9", 80)),
        reachable=("10.0.0.9",),
    )
    made.change(made.guest)
    assert {one.action for one in made.plan().changes} == {"update"}
    made.apply()
    wall = world.pve.hypervisor.firewalls[made.guest.vmid]  # type: ignore[attr-defined]
    told = [(one.action, one.destination, one.port) for one in wall.rules]
    assert told[-4:] == [
        ("ACCEPT", "10.0.0.40", "3142"),
        ("ACCEPT", "10.0.0.1", ""),
        ("ACCEPT", "10.0.0.9", ""),
        ("REJECT", "10.0.0.0/24", ""),
    ]


def test_the_address_is_asked_for_and_learned(
    by_dhcp: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = by_dhcp.reserve()
    by_dhcp.make_directly(guest)
    mac = marker.mac(guest.marker)
    by_dhcp.pve.faults.change_behind(guest.vmid, net0=f"virtio={mac},bridge=vmbr0")
    asked: list[str] = []

    def given(_proxmox: object, _spot: object, _vmid: int, wanted: str) -> str:
        asked.append(wanted)
        return "10.0.0.77" if len(asked) > 1 else ""

    monkeypatch.setattr(addresses, "given", given)
    contact = by_dhcp.target.wait_ready(guest, 30.0)
    assert contact == Contact("10.0.0.77", "ssh-ed25519 AAAA")
    assert asked == [mac, mac]
    assert by_dhcp.inside.asked == [("wait_ready", "10.0.0.77")]


def test_an_address_where_no_firewall_refuses_other_guests_is_not_used(
    by_dhcp: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = by_dhcp.reserve()
    by_dhcp.make_directly(guest)
    monkeypatch.setattr(addresses, "given", lambda *_: "192.168.7.7")
    words = r"192\.168\.7\.7, and the firewalls of guests refuse 10\.0\.0\.0/24 only\. Set PAAS_"
    with pytest.raises(StepFailed, match=words):
        by_dhcp.target.wait_ready(guest, 30.0)
    target = by_dhcp.target
    target.site = replace(target.site, network=IPv4Network("192.168.7.0/24"))
    assert target.wait_ready(guest, 30.0).address == "192.168.7.7"
    assert target.values(guest)["guests"] == ["10.0.0.0/24", "192.168.7.0/24"]


def test_a_guest_that_is_given_none_says_what_to_look_at(by_dhcp: World) -> None:
    guest = by_dhcp.reserve()
    by_dhcp.make_directly(guest)
    words = "has not told an address" if by_dhcp.kind == "qemu" else "has not been given an address"
    with pytest.raises(StepFailed, match=words):
        by_dhcp.target.wait_ready(guest, 0.1)


def running(kind: str) -> Spot:
    return Spot("pve1", kind, "running")


class Answers:
    """In place of the API: what a guest says of its cards."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def get(self, path: str) -> object:
        assert path.endswith(("/interfaces", "/agent/network-get-interfaces"))
        return self.answer


LXC_CARDS = [
    {"name": "lo", "hwaddr": "00:00:00:00:00:00", "inet": "127.0.0.1/8"},
    {"name": "eth1", "hwaddr": "02:00:00:00:00:01", "inet": "10.9.9.9/24"},
    {"name": "eth0", "hwaddr": "02:aa:bb:cc:dd:ee", "inet": "10.0.0.77/24", "inet6": "fe80::1/64"},
]
VM_CARDS = {
    "result": [
        {"name": "lo", "ip-addresses": [{"ip-address": "127.0.0.1"}]},
        {
            "name": "ens18",
            "hardware-address": "02:AA:BB:CC:DD:EE",
            "ip-addresses": [
                {"ip-address": "fe80::1"},
                {"ip-address": "169.254.1.1"},
                {"ip-address": "10.0.0.77"},
            ],
        },
    ]
}


@pytest.mark.parametrize(("kind", "answer"), [("lxc", LXC_CARDS), ("qemu", VM_CARDS)])
def test_only_the_guests_own_card_counts(kind: str, answer: object) -> None:
    spot = running(kind)
    found = addresses.given(Answers(answer), spot, 100, "02:AA:BB:CC:DD:EE")  # type: ignore[arg-type]
    assert found == "10.0.0.77"
    nothing = {"result": []} if kind == "qemu" else None
    assert addresses.given(Answers(nothing), spot, 100, "02:AA:BB:CC:DD:EE") == ""  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["lxc", "qemu"])
def test_a_right_that_lacks_is_not_taken_for_an_address_that_does(kind: str) -> None:
    class Silent:
        error: ProxmoxError = Refused("The token lacks VM.GuestAgent.Audit on /vms/100")

        def get(self, path: str) -> object:
            raise self.error

    proxmox = Silent()
    with pytest.raises(Refused):
        addresses.given(proxmox, running(kind), 100, "02:AA:BB:CC:DD:EE")  # type: ignore[arg-type]
    proxmox.error = ProxmoxError("QEMU guest agent is not running")
    assert addresses.given(proxmox, running(kind), 100, "02:AA:BB:CC:DD:EE") == ""  # type: ignore[arg-type]


def configs_spot(kind: str) -> addresses.Spot:
    return addresses.Spot("pve1", kind, "running")


def test_configurations_are_read_as_proxmox_writes_them() -> None:
    config = {
        "boot": "order=ide2;virtio0;net0",
        "ide2": "local:iso/x.iso,media=cdrom",
        "virtio0": "ceph:vm-9000-disk-0,iothread=1,discard=on,ssd=1,size=2252M",
        "cpu": "cputype=host,flags=+aes",
        "memory": "2048",
        "cores": 2,
        "sockets": 2,
        "ipconfig0": "ip=10.0.0.20/24,gw=10.0.0.1",
        "net0": "virtio=02:AA:BB:CC:DD:EE,bridge=vmbr1,tag=30,firewall=1",
        "nameserver": "10.0.0.1 10.0.0.2",
    }
    found = configs.frozen_of(config, {"template": "9000"})
    assert found == {
        "template": 9000,
        "storage": "ceph",
        "bridge": "vmbr1",
        "vlan": 30,
        "prefix": 24,
        "gateway": "10.0.0.1",
        "dns": ["10.0.0.1", "10.0.0.2"],
        "disk_interface": "virtio0",
        "disk_iothread": True,
        "disk_ssd": True,
        "disk_discard": "on",
        "disk_cache": "none",
        "disk_aio": "io_uring",
        "template_disk": 3,
        "cpu_type": "host",
    }
    resources = configs.resources_of(config)
    assert (resources.cores, resources.memory, resources.disk) == (4, 2048, 3)
    container = {"rootfs": "local-lvm:vm-100-disk-0,size=5G", "net0": "name=eth0,ip=dhcp"}
    assert configs.frozen_of(container, {})["prefix"] == 0
    assert configs.resources_of(container).disk == 5


@pytest.mark.parametrize(
    ("template", "family"),
    [
        ("local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", "debian"),
        ("local:vztmpl/ubuntu-24.04-standard.tar.zst", "ubuntu"),
        ("local:vztmpl/rockylinux-9-default.tar.xz", "centos"),
        ("local:vztmpl/our-own.tar.zst", "debian"),
    ],
)
def test_a_templates_family_is_told_by_its_name(template: str, family: str) -> None:
    assert configs.os_type(template) == family


def test_users_text_cannot_pass_for_a_marker() -> None:
    world_marker = "0badcafe-1111-4222-8333-444444444444/ffffffff-1111-4222-8333-444444444444"
    text = f"name: a\npaas: {world_marker}"
    assert marker.read(text) == world_marker
    assert marker.read(f"repository: paas: {world_marker}") == ""
    assert marker.read(f"x {world_marker}") == ""
    assert marker.about(f"paas: {world_marker}\nname: shop\nodd line\nbranch: main\n") == {
        "name": "shop",
        "branch": "main",
    }
    mac = marker.mac(world_marker)
    assert mac.startswith("02:")
    assert mac == marker.mac(world_marker).upper()
