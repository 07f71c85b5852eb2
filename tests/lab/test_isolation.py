"""Who reaches whom: what the firewall of each guest does on the bridge."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from tests.lab import live
from tests.lab.ground import PLAIN_TEMPLATE
from tests.lab.hypervisor import GuestConfig
from tests.lab.lab import Lab
from tests.lab.live import PROCFILE, LabPlatform
from tests.lab.network import API_PORT, MIRROR_PORT
from tests.lab.reaching import eventually

KINDS = ("lxc", "vm")
SSH, APP = 22, 8080
# What is let through answers at once; a machine that does much else takes its time.
PATIENCE = 5
STRANGER = 801
CONNECT = f"""
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), {PATIENCE}, (sys.argv[3], 0)).close()
except OSError:
    print("closed")
else:
    print("open")
"""
LISTEN_6 = """
import socket, sys
with socket.socket(socket.AF_INET6) as door:
    door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    door.bind(("::", int(sys.argv[1])))
    door.listen()
    while True:
        door.accept()[0].close()
"""

Knock = Callable[[str, int], bool]


@pytest.fixture(scope="module")
def platform(lab: Lab) -> Iterator[LabPlatform]:
    with live.running(lab) as made:
        yield made


@pytest.fixture(scope="module")
def guests(platform: LabPlatform) -> Mapping[str, tuple[int, str]]:
    """An app of each kind: kind -> vmid and address."""
    repository = platform.lab.git.add("walled", {"index.html": "here", "Procfile": PROCFILE})
    ids = {kind: platform.begin(kind, repository, f"walled-{kind}", port=APP) for kind in KINDS}
    found = {kind: platform.runs(app_id) for kind, app_id in ids.items()}
    return {kind: (one["vm_id"], one["ip_address"]) for kind, one in found.items()}


@pytest.fixture(scope="module")
def stranger(platform: LabPlatform) -> Iterator[Knock]:
    """A machine on the bridge that is not ours: whether it can open a connection."""
    plan = platform.lab.ground.plan
    address = f"{plan.subnet}.252"
    with standing(platform.lab, address):
        yield lambda host, port: knock(platform, STRANGER, host, port, address)


@contextmanager
def standing(lab: Lab, address: str) -> Iterator[None]:
    """A machine of somebody else at this address, without a firewall, with an SSH server."""
    plan, hypervisor = lab.ground.plan, lab.ground.hypervisor
    config = GuestConfig(
        STRANGER, "lxc", "stranger", PLAIN_TEMPLATE, address=f"{address}/24", gateway=plan.host
    )
    hypervisor.create(config)
    try:
        hypervisor.start(STRANGER)
        yield
    finally:
        hypervisor.destroy(STRANGER)


def knock(platform: LabPlatform, vmid: int, host: str, port: int, source: str = "") -> bool:
    """Whether a guest can open a connection, from its own address or from another one."""
    words = ("python3", "-c", CONNECT, host, str(port), source)
    return platform.lab.ground.hypervisor.run_inside(vmid, *words).strip() == "open"


def knock_from(source: str, host: str, port: int) -> bool:
    """Whether this machine can open a connection from one of its own addresses."""
    try:
        socket.create_connection((host, port), PATIENCE, (source, 0)).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_the_outside_reaches_the_app_and_only_the_platform_ssh(
    platform: LabPlatform, guests: Mapping[str, tuple[int, str]], kind: str
) -> None:
    plan, (_, address) = platform.lab.ground.plan, guests[kind]
    assert platform.settings.proxmox_ssh_from == (plan.host,)
    # The machine has two addresses on the bridge, and only one of them is the platform's.
    assert knock_from(plan.host, address, SSH)
    assert not knock_from(plan.api, address, SSH)
    assert knock_from(plan.api, address, APP)


@pytest.mark.parametrize("kind", KINDS)
def test_a_strangers_machine_reaches_the_app_alone(
    platform: LabPlatform, guests: Mapping[str, tuple[int, str]], stranger: Knock, kind: str
) -> None:
    _, address = guests[kind]
    assert stranger(address, APP)
    assert not stranger(address, SSH)
    for port in listening(platform, guests[kind][0]) - {SSH, APP}:
        assert not stranger(address, port)


def listening(platform: LabPlatform, vmid: int) -> set[int]:
    """The ports on which something in the guest listens for TCP, but for loopback's."""
    said = platform.lab.ground.hypervisor.run_inside(vmid, "ss", "-Hltn")
    ends = [line.split()[3].rpartition(":") for line in said.splitlines()]
    return {int(port) for host, _, port in ends if not host.startswith(("127.", "[::1]"))}


@pytest.mark.parametrize("kind", KINDS)
def test_a_guest_reaches_neither_other_guests_nor_the_api(
    platform: LabPlatform, guests: Mapping[str, tuple[int, str]], kind: str
) -> None:
    plan, (vmid, address) = platform.lab.ground.plan, guests[kind]
    (other,) = (guests[one][1] for one in KINDS if one != kind)
    assert not knock(platform, vmid, other, APP)
    assert not knock(platform, vmid, other, SSH)
    assert not knock(platform, vmid, plan.api, API_PORT)
    # It is the walls that do it: what is not refused can be reached.
    assert knock(platform, vmid, plan.host, MIRROR_PORT)
    assert knock(platform, vmid, plan.host, MIRROR_PORT, address)


@pytest.mark.parametrize("kind", KINDS)
def test_the_addresses_that_guests_give_themselves_lead_past_no_wall(
    platform: LabPlatform, guests: Mapping[str, tuple[int, str]], stranger: Knock, kind: str
) -> None:
    (other,) = (guests[one][0] for one in KINDS if one != kind)
    with listening_by_ipv6(platform, other) as host:
        eventually(lambda: knock_by_ipv6(platform, STRANGER, host), "a stranger to be let in")
        assert not knock_by_ipv6(platform, guests[kind][0], host)


@contextmanager
def listening_by_ipv6(platform: LabPlatform, vmid: int) -> Iterator[str]:
    """A program in the guest that answers at the app's port; its address there."""
    inside = platform.lab.ground.hypervisor.run_inside
    inside(vmid, "systemd-run", "--unit=six", "python3", "-c", LISTEN_6, str(APP))
    try:
        yield f"{own_ipv6(platform, vmid)}%eth0"
    finally:
        inside(vmid, "systemctl", "stop", "six")


def own_ipv6(platform: LabPlatform, vmid: int) -> str:
    """The address that the guest has given itself; given here where its system does not."""
    inside, address = platform.lab.ground.hypervisor.run_inside, f"fe80::{vmid % 10_000}"
    inside(vmid, "sysctl", "--quiet", "net.ipv6.conf.eth0.disable_ipv6=0")
    inside(vmid, "ip", "address", "replace", f"{address}/64", "dev", "eth0", "nodad")
    return address


def knock_by_ipv6(platform: LabPlatform, vmid: int, host: str) -> bool:
    """Whether a guest, which could well send it, can open a connection to the app's port."""
    own = own_ipv6(platform, vmid)
    way = ("ip", "route", "get", host.partition("%")[0], "from", own, "oif", "eth0")
    assert " dev eth0 " in platform.lab.ground.hypervisor.run_inside(vmid, *way)
    return knock(platform, vmid, host, APP)


@pytest.mark.parametrize("kind", KINDS)
def test_a_guest_cannot_speak_as_another(
    platform: LabPlatform, guests: Mapping[str, tuple[int, str]], kind: str
) -> None:
    plan, (vmid, _) = platform.lab.ground.plan, guests[kind]
    false = f"{plan.subnet}.253"
    inside = platform.lab.ground.hypervisor.run_inside
    inside(vmid, "ip", "address", "add", f"{false}/24", "dev", "eth0")
    try:
        assert not knock(platform, vmid, plan.host, MIRROR_PORT, false)
    finally:
        inside(vmid, "ip", "address", "delete", f"{false}/24", "dev", "eth0")
