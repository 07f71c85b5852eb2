"""Who reaches whom where DHCP gives the addresses: the whole network is refused but for needs."""

from collections.abc import Iterator, Mapping

import pytest

from tests.lab import live
from tests.lab.lab import BRIDGE, Lab
from tests.lab.live import PROCFILE, LabPlatform
from tests.lab.network import API_PORT, MIRROR_PORT
from tests.lab.reaching import eventually
from tests.lab.test_isolation import (
    APP,
    KINDS,
    SSH,
    STRANGER,
    knock,
    knock_by_ipv6,
    listening_by_ipv6,
    standing,
)

# A question for the name of the root, and whether anybody answers it.
ASK = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
    line.settimeout(5)
    line.sendto(bytes.fromhex("0007010000010000000000000000020001"), (sys.argv[1], 53))
    print(line.recv(512)[:2].hex())
"""


@pytest.fixture(scope="module")
def gateless(lab: Lab) -> Iterator[None]:
    """The bridge tells its network and no gateway, which here is the mirrors' machine too."""
    before = dict(lab.pve.networks)
    lab.pve.networks[BRIDGE] = (before[BRIDGE][0], "")
    yield
    lab.pve.networks = before


@pytest.fixture(scope="module")
def friend(lab: Lab) -> str:
    """The one address in the network that guests may reach."""
    return f"{lab.ground.plan.subnet}.252"


@pytest.fixture(scope="module")
def platform(lab: Lab, gateless: None, friend: str) -> Iterator[LabPlatform]:
    named = {"ADDRESSES": "dhcp", "DNS": "", "REACHABLE": friend}
    with live.running(
        lab, **{f"PAAS_PROXMOX_{name}": text for name, text in named.items()}
    ) as made:
        yield made


@pytest.fixture(scope="module")
def guests(platform: LabPlatform) -> Mapping[str, tuple[int, str]]:
    """An app of each kind: kind -> vmid and address."""
    repository = platform.lab.git.add("leased", {"index.html": "here", "Procfile": PROCFILE})
    ids = {kind: platform.begin(kind, repository, f"walled-{kind}", port=APP) for kind in KINDS}
    found = {kind: platform.runs(app_id) for kind, app_id in ids.items()}
    assert {platform.page(app_id).text for app_id in ids.values()} == {"here"}
    return {kind: (one["vm_id"], one["ip_address"]) for kind, one in found.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_guest_reaches_neither_other_guests_nor_the_api(
    platform: LabPlatform, guests: Mapping[str, tuple[int, str]], kind: str
) -> None:
    plan, (vmid, _) = platform.lab.ground.plan, guests[kind]
    (other,) = (guests[one][1] for one in KINDS if one != kind)
    assert not knock(platform, vmid, other, APP)
    assert not knock(platform, vmid, other, SSH)
    assert not knock(platform, vmid, plan.api, API_PORT)


@pytest.mark.parametrize("kind", KINDS)
def test_names_packages_and_its_lease_it_gets_all_the_same(
    platform: LabPlatform, guests: Mapping[str, tuple[int, str]], kind: str
) -> None:
    plan, (vmid, address) = platform.lab.ground.plan, guests[kind]
    inside = platform.lab.ground.hypervisor.run_inside
    assert inside(vmid, "python3", "-c", ASK, plan.host).strip() == "0007"
    assert knock(platform, vmid, plan.host, MIRROR_PORT)
    inside(vmid, "apt-get", "update", "-o", "APT::Update::Error-Mode=any")
    inside(vmid, "networkctl", "renew", "eth0")
    eventually(lambda: address in inside(vmid, "hostname", "-I"), "the lease to be renewed")


def test_the_addresses_that_guests_give_themselves_lead_past_no_wall(
    platform: LabPlatform, guests: Mapping[str, tuple[int, str]], friend: str
) -> None:
    with standing(platform.lab, friend), listening_by_ipv6(platform, guests["vm"][0]) as host:
        eventually(lambda: knock_by_ipv6(platform, STRANGER, host), "a stranger to be let in")
        assert not knock_by_ipv6(platform, guests["lxc"][0], host)


def test_who_is_named_can_be_reached_and_no_other_of_the_network(
    platform: LabPlatform, guests: Mapping[str, tuple[int, str]], friend: str
) -> None:
    inside, other = platform.lab.ground.hypervisor.run_inside, f"{friend[:-1]}3"
    with standing(platform.lab, friend):
        inside(STRANGER, "ip", "address", "add", f"{other}/24", "dev", "eth0")
        vmid, _ = guests["lxc"]
        eventually(lambda: knock(platform, vmid, friend, SSH), "the named machine to answer")
        assert knock(platform, STRANGER, other, SSH)
        assert not knock(platform, vmid, other, SSH)
