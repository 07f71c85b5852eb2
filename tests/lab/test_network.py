"""The bridge and the guests' firewalls, with real packets."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

import pytest

from tests.lab.ground import PLAIN_TEMPLATE, Ground
from tests.lab.hypervisor import Firewall, GuestConfig, HypervisorError, Rule
from tests.lab.network import API_PORT, MIRROR_PORT
from tests.lab.reaching import eventually

APP_PORT, OTHER_PORT = 8080, 8090
# What a dropped connection is given before it counts as closed; an open one gets PATIENCE.
CLOSED_AFTER = 2.0
FIRST, SECOND = 700, 701
WALLED = Firewall(
    enabled=True,
    policy_in="DROP",
    mac_filter=True,
    ip_filter=True,
    rules=(Rule("in", "ACCEPT", "tcp", port=str(APP_PORT)),),
)
OPEN = Firewall()
CONNECT = """
import socket, sys
address, port, source, seconds = sys.argv[1:5]
try:
    made = socket.create_connection((address, int(port)), float(seconds), (source, 0))
    sys.stdout.write(made.recv(16).decode() if source else "open")
except OSError as error:
    sys.stdout.write("closed")
"""
GREET = f"""
import socketserver
class Greet(socketserver.BaseRequestHandler):
    def handle(self): self.request.sendall(b"open")
socketserver.ThreadingTCPServer.allow_reuse_address = True
ports = ({APP_PORT}, {OTHER_PORT})
servers = [socketserver.ThreadingTCPServer(("", port), Greet) for port in ports]
import threading
for server in servers: threading.Thread(target=server.serve_forever).start()
"""


@pytest.fixture(scope="module")
def pair(lab_guests: Ground) -> Iterator[Ground]:
    """Two running guests, each with a program that greets on two ports."""
    hypervisor, plan = lab_guests.hypervisor, lab_guests.plan
    for vmid in (FIRST, SECOND):
        hypervisor.create(
            GuestConfig(
                vmid,
                "lxc",
                f"pair-{vmid}",
                PLAIN_TEMPLATE,
                mac=f"02:00:00:00:07:{vmid - 690:02d}",
                address=f"{address(lab_guests, vmid)}/24",
                gateway=plan.host,
            )
        )
        hypervisor.start(vmid)
        greet(lab_guests, vmid)
    yield lab_guests
    for vmid in (FIRST, SECOND):
        hypervisor.destroy(vmid)


@pytest.fixture(autouse=True)
def without_firewalls(pair: Ground) -> Iterator[None]:
    yield
    for vmid in (FIRST, SECOND):
        pair.hypervisor.firewall(vmid, OPEN)


def address(ground: Ground, vmid: int) -> str:
    return f"{ground.plan.subnet}.{vmid - 560}"


def greet(ground: Ground, vmid: int) -> None:
    def started() -> bool:
        # D-Bus comes up a moment after the guest's init.
        with suppress(HypervisorError):
            run = ["systemd-run", "--unit=greet", "/usr/bin/python3", "-c", GREET]
            ground.hypervisor.run_inside(vmid, *run)
            return True
        return False

    eventually(started, "the guest runs a program")
    eventually(lambda: from_host(ground, vmid, APP_PORT), "the guest's program answers")


def from_host(ground: Ground, vmid: int, port: int) -> bool:
    with suppress(OSError):
        socket.create_connection((address(ground, vmid), port), CLOSED_AFTER).close()
        return True
    return False


def from_guest(ground: Ground, vmid: int, target: str, port: int, source: str = "") -> bool:
    words = [target, str(port), source, str(CLOSED_AFTER)]
    said = ground.hypervisor.run_inside(vmid, "/usr/bin/python3", "-c", CONNECT, *words)
    return said == "open"


def opens(ground: Ground, vmid: int, target: str, port: int, source: str = "") -> None:
    eventually(lambda: from_guest(ground, vmid, target, port, source), f"{target}:{port} is open")


@contextmanager
def listening(host: str, port: int) -> Iterator[None]:
    """A program of the host's that greets whoever connects."""
    with socket.create_server((host, port)) as server, ExitStack() as undo:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    made, _ = server.accept()
                    with made:
                        made.sendall(b"open")

        thread = threading.Thread(target=serve)
        thread.start()
        undo.callback(thread.join)
        undo.callback(server.shutdown, socket.SHUT_RDWR)
        yield


def test_guests_without_a_firewall_reach_each_other(pair: Ground) -> None:
    opens(pair, FIRST, address(pair, SECOND), APP_PORT)
    opens(pair, FIRST, address(pair, SECOND), OTHER_PORT)


def test_a_walled_guest_answers_on_its_ports_only(pair: Ground) -> None:
    pair.hypervisor.firewall(FIRST, WALLED)
    eventually(lambda: from_host(pair, FIRST, APP_PORT), "the app's port is open")
    assert not from_host(pair, FIRST, OTHER_PORT)


def test_a_rule_for_the_host_keeps_other_guests_out(pair: Ground) -> None:
    only = Rule("in", "ACCEPT", "tcp", source=pair.plan.host, port=str(APP_PORT))
    pair.hypervisor.firewall(FIRST, replace(WALLED, rules=(only,)))
    eventually(lambda: from_host(pair, FIRST, APP_PORT), "the app's port is open to the host")
    assert not from_guest(pair, SECOND, address(pair, FIRST), APP_PORT)


def test_a_walled_guest_reaches_what_it_asks_for(pair: Ground) -> None:
    pair.hypervisor.firewall(FIRST, WALLED)
    opens(pair, FIRST, address(pair, SECOND), APP_PORT)
    with listening(pair.plan.host, MIRROR_PORT):
        opens(pair, FIRST, pair.plan.host, MIRROR_PORT)


def test_the_api_is_reached_unless_a_rule_refuses(pair: Ground) -> None:
    api = pair.plan.api
    with listening(api, API_PORT), listening(pair.plan.host, MIRROR_PORT):
        opens(pair, FIRST, api, API_PORT)
        refused = Rule("out", "DROP", "tcp", destination=api, port=str(API_PORT))
        pair.hypervisor.firewall(FIRST, replace(WALLED, rules=(refused,)))
        assert not from_guest(pair, FIRST, api, API_PORT)
        opens(pair, FIRST, pair.plan.host, MIRROR_PORT)
        opens(pair, SECOND, api, API_PORT)


def test_other_guests_are_refused_on_the_way_out(pair: Ground) -> None:
    plan = pair.plan
    rules = (
        Rule("out", "ACCEPT", destination=plan.host),
        Rule("out", "REJECT", destination=f"{plan.subnet}.0/24"),
    )
    pair.hypervisor.firewall(FIRST, replace(WALLED, rules=rules))
    assert not from_guest(pair, FIRST, address(pair, SECOND), APP_PORT)
    with listening(plan.host, MIRROR_PORT):
        opens(pair, FIRST, plan.host, MIRROR_PORT)


def test_another_address_is_filtered(pair: Ground) -> None:
    stolen = f"{pair.plan.subnet}.180"
    alias = [f"{stolen}/24", "dev", "eth0"]
    pair.hypervisor.run_inside(FIRST, "ip", "address", "add", *alias)
    target = address(pair, SECOND)
    opens(pair, FIRST, target, APP_PORT, stolen)
    pair.hypervisor.firewall(FIRST, WALLED)
    assert not from_guest(pair, FIRST, target, APP_PORT, stolen)
    opens(pair, FIRST, target, APP_PORT, address(pair, FIRST))
    pair.hypervisor.run_inside(FIRST, "ip", "address", "del", *alias)


def test_another_mac_is_filtered(pair: Ground) -> None:
    def wear(mac: str) -> None:
        for link in (["down"], ["address", mac], ["up"]):
            pair.hypervisor.run_inside(FIRST, "ip", "link", "set", "eth0", *link)

    pair.hypervisor.firewall(FIRST, WALLED)
    target = address(pair, SECOND)
    opens(pair, FIRST, target, APP_PORT)
    try:
        wear("02:00:00:00:07:99")
        assert not from_guest(pair, FIRST, target, APP_PORT)
    finally:
        wear("02:00:00:00:07:10")
    opens(pair, FIRST, target, APP_PORT)


def test_a_firewall_outlives_a_restart(pair: Ground) -> None:
    pair.hypervisor.firewall(SECOND, WALLED)
    pair.hypervisor.stop(SECOND)
    pair.hypervisor.start(SECOND)
    greet(pair, SECOND)
    assert not from_host(pair, SECOND, OTHER_PORT)


def test_a_walled_guest_gets_its_address_by_dhcp(pair: Ground) -> None:
    config = GuestConfig(702, "lxc", "asks", PLAIN_TEMPLATE)
    pair.hypervisor.create(config)
    try:
        pair.hypervisor.firewall(702, WALLED)
        pair.hypervisor.start(702)
        eventually(lambda: bool(pair.hypervisor.addresses(702)), "the guest has an address")
    finally:
        pair.hypervisor.destroy(702)


def test_nothing_leads_out_of_the_bridge(pair: Ground) -> None:
    """The host's other addresses, and its other programs, are out of reach."""
    elsewhere = "127.0.0.1" if not (found := _other_address(pair)) else found
    with listening(elsewhere, 8099), listening(pair.plan.host, 8099):
        assert not from_guest(pair, FIRST, elsewhere, 8099)
        assert not from_guest(pair, FIRST, pair.plan.host, 8099)


def _other_address(ground: Ground) -> str:
    """An address that the host has beside those of labs; "" when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def test_an_unknown_rule_is_refused_and_the_old_wall_stays(pair: Ground) -> None:
    pair.hypervisor.firewall(FIRST, WALLED)
    with pytest.raises(HypervisorError, match="does not know"):
        pair.hypervisor.firewall(FIRST, replace(WALLED, rules=(Rule("in", "MAYBE"),)))
    assert not from_host(pair, FIRST, OTHER_PORT)
