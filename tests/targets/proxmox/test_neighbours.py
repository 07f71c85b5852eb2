"""Where a guest's neighbours are, from the settings and from what nodes say of their bridges."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from paas.domain.addresses import AddressPool
from paas.settings import Settings
from paas.targets.proxmox.neighbours import (
    Named,
    Neighbours,
    is_among,
    look,
    neighbours,
    services,
)
from paas.tools.proxmox import Row

from .world import World

CARD: Row = {"iface": "vmbr0", "type": "bridge", "cidr": "10.0.0.2/24", "gateway": "10.0.0.1"}
OLD_CARD: Row = {"iface": "vmbr0", "address": "10.0.0.3", "netmask": "255.255.255.0"}


def test_the_bridges_own_network_counts_with_its_way_out() -> None:
    known = Neighbours(("10.0.0.0/24",), ("10.0.0.1",))
    assert neighbours(Named(), [{"iface": "vmbr1", "cidr": "10.9.0.2/24"}, CARD, OLD_CARD]) == known
    assert neighbours(Named(), [OLD_CARD]) == Neighbours(("10.0.0.0/24",))
    other = {**CARD, "cidr": "10.0.1.2/24", "gateway": "10.0.1.1"}
    both = neighbours(Named(), [CARD, other])
    assert both == Neighbours(("10.0.0.0/24", "10.0.1.0/24"), ("10.0.0.1", "10.0.1.1"))


@pytest.mark.parametrize(
    "row",
    [
        {"iface": "vmbr0", "type": "bridge"},
        {"iface": "vmbr0", "cidr": "10.0.0.2/32"},
        {"iface": "vmbr0", "cidr": "fd00::2/64"},
        {"iface": "vmbr1", "cidr": "10.0.0.2/24"},
    ],
)
def test_a_bridge_without_a_network_says_nothing(row: Row) -> None:
    assert neighbours(Named(), [row]) == Neighbours()


def test_settings_win_over_bridges_and_a_bridge_says_nothing_of_its_vlans() -> None:
    network = IPv4Network("10.0.0.0/16")
    named = Named(network=network)
    assert neighbours(named, [CARD]) == Neighbours(("10.0.0.0/16",), ("10.0.0.1",))
    assert neighbours(Named(network=network, vlan=30), [CARD]) == Neighbours(("10.0.0.0/16",))
    assert neighbours(Named(vlan=30), [CARD]) == Neighbours()
    elsewhere = Named(network=IPv4Network("10.7.0.0/24"))
    assert neighbours(elsewhere, [CARD]) == Neighbours(("10.7.0.0/24",))
    pool = AddressPool.parse("10.0.0.20-10.0.0.99/24,gw=10.0.0.1")
    assert neighbours(Named(pool=pool), [CARD]) == Neighbours(("10.0.0.20-10.0.0.99",))


def test_the_nodes_that_are_online_say_it(world: World) -> None:
    proxmox = world.target.proxmox
    known = Neighbours(("10.0.0.0/24",), ("10.0.0.1",))
    assert look(proxmox, Named(), ()) == known
    world.pve.faults.offline("pve2")
    assert look(proxmox, Named(), ("pve1", "pve2")) == known
    assert look(proxmox, Named(), ("pve2",)) == Neighbours()


def test_networks_and_ranges_hold_addresses() -> None:
    hosts = ("10.0.0.20-10.0.0.99", "10.1.0.0/24")
    for address in ("10.0.0.20", "10.0.0.99", "10.1.0.7"):
        assert is_among(address, hosts)
    for address in ("10.0.0.100", "10.2.0.1", "fe80::1", ""):
        assert not is_among(address, hosts)


def test_services_are_what_settings_name_by_its_address(tmp_path: Path) -> None:
    settings = Settings(
        instance=tmp_path,
        guest_apt_mirror="http://10.0.0.40:3142/apt",
        guest_pip_index="https://user:secret@10.0.0.41/simple/",
        guest_npm_registry="http://npm.example:4873/",
        guest_goproxy="http://10.0.0.42|direct,off",
        guest_proxy="http://[fd00::1]:3128",
        git_mirror="/srv/git",
    )
    found = (("10.0.0.40", 3142), ("10.0.0.41", 443), ("10.0.0.42", 80))
    assert services(settings) == found
