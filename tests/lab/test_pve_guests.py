"""What happens to the guests behind the API when something is asked of it."""

import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.lab.hypervisor import Firewall, HypervisorError, NoGuests, Rule
from tests.lab.pve import LabPve, running
from tests.lab.pve_client import KEY, TEMPLATE, Client, client, furnish, own_address


class Stubborn(NoGuests):
    """A hypervisor in which single calls can be made to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: set[str] = set()

    def _may(self, call: str) -> None:
        if call in self.failing:
            raise HypervisorError(f"{call} went wrong")

    def create(self, guest: object) -> None:
        self._may("create")
        super().create(guest)  # type: ignore[arg-type]

    def start(self, vmid: int) -> None:
        self._may("start")
        super().start(vmid)

    def shutdown(self, vmid: int, seconds: float) -> None:
        self._may("shutdown")
        super().shutdown(vmid, seconds)

    def snapshot(self, vmid: int, name: str) -> None:
        self._may("snapshot")
        super().snapshot(vmid, name)


@pytest.fixture
def below() -> Stubborn:
    return Stubborn()


@pytest.fixture
def pve(below: Stubborn) -> Iterator[LabPve]:
    with running(below, address=own_address()) as made:
        furnish(made)
        yield made


@pytest.fixture
def api(pve: LabPve) -> Client:
    return client(pve)


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"it did not come about in {seconds} s"
        time.sleep(0.01)


def power(api: Client, kind: str, vmid: int, action: str, **values: object) -> str:
    return api.wait(api.post(f"/nodes/pve1/{kind}/{vmid}/status/{action}", **values))


def test_a_container_is_made_as_it_was_asked_for(below: Stubborn, api: Client) -> None:
    api.wait(
        api.container(
            cores=2,
            memory=768,
            rootfs="local-lvm:6",
            nameserver="10.0.0.1 10.0.0.2",
            ssh_public_keys=f"{KEY}\n",
            net0="name=eth0,bridge=vmbr0,hwaddr=BE:24:11:00:00:05,ip=10.0.0.5/24,gw=10.0.0.1",
        )
    )
    made = below.guests[120]
    assert (made.kind, made.hostname, made.image) == ("lxc", "app-1", TEMPLATE)
    assert (made.cores, made.memory, made.disk) == (2, 768, 6)
    assert (made.mac, made.bridge) == ("BE:24:11:00:00:05", "vmbr0")
    assert (made.address, made.gateway) == ("10.0.0.5/24", "10.0.0.1")
    assert (made.dns, made.ssh_keys) == (("10.0.0.1", "10.0.0.2"), (KEY,))
    assert below.running == set()


def test_a_clone_is_made_from_its_template_and_follows_its_settings(
    below: Stubborn, api: Client
) -> None:
    api.wait(api.clone())
    assert (below.guests[200].kind, below.guests[200].image) == ("qemu", "9000")
    api.put(
        "/nodes/pve1/qemu/200/config",
        cores=2,
        memory=1024,
        ipconfig0="ip=10.0.0.6/24,gw=10.0.0.1",
        sshkeys=urllib.parse.quote(KEY, safe=""),
        nameserver="10.0.0.1",
    )
    api.wait(api.put("/nodes/pve1/qemu/200/resize", disk="scsi0", size="7G"))
    made = below.guests[200]
    assert (made.hostname, made.cores, made.memory, made.disk) == ("app-2", 2, 1024, 7)
    assert (made.address, made.gateway, made.dns) == ("10.0.0.6/24", "10.0.0.1", ("10.0.0.1",))
    assert made.ssh_keys == (KEY,)


@pytest.mark.parametrize(("kind", "vmid"), [("lxc", 120), ("qemu", 200)])
def test_power_reaches_the_guest(below: Stubborn, api: Client, kind: str, vmid: int) -> None:
    api.wait(api.container(vmid) if kind == "lxc" else api.clone(vmid))
    for action, runs in (
        ("start", True),
        ("reboot", True),
        ("shutdown", False),
        ("start", True),
        ("stop", False),
    ):
        assert power(api, kind, vmid, action) == "OK"
        assert (vmid in below.running) == runs, action
    assert api.wait(api.delete(f"/nodes/pve1/{kind}/{vmid}")) == "OK"
    assert below.guests == {}


def test_a_guest_that_cannot_be_made_is_not_there(
    pve: LabPve, below: Stubborn, api: Client
) -> None:
    below.failing.add("create")
    assert api.wait(api.container()) == "unable to create CT 120 - create went wrong"
    assert api.wait(api.clone()) == "clone failed: create went wrong"
    assert (pve.guest(120), pve.guest(200), below.guests) == (None, None, {})
    assert [v for v in api.get("/nodes/pve1/storage/local-lvm/content") if v["vmid"] == 200] == []


def test_a_guest_that_does_not_start_is_stopped(below: Stubborn, api: Client) -> None:
    api.wait(api.container())
    below.failing.add("start")
    assert power(api, "lxc", 120, "start") == "start went wrong"
    assert api.get("/nodes/pve1/lxc/120/status/current")["status"] == "stopped"


def test_a_guest_that_does_not_end_is_ended_by_force(below: Stubborn, api: Client) -> None:
    api.wait(api.clone())
    power(api, "qemu", 200, "start")
    below.failing.add("shutdown")
    ending = power(api, "qemu", 200, "shutdown", timeout=1)
    assert ending == "VM quit/powerdown failed - got timeout"
    assert below.running == {200}
    assert power(api, "qemu", 200, "shutdown", timeout=1, forceStop=1) == "OK"
    assert below.running == set()


def test_a_guest_that_ends_itself_is_shown_stopped(below: Stubborn, api: Client) -> None:
    api.wait(api.container(start=1))
    until(lambda: 120 in below.running)
    below.running.discard(120)
    until(lambda: api.get("/nodes/pve1/lxc/120/status/current")["status"] == "stopped")


def test_snapshots_reach_the_guest(pve: LabPve, below: Stubborn, api: Client) -> None:
    api.wait(api.container())
    path = "/nodes/pve1/lxc/120/snapshot"
    assert api.wait(api.post(path, snapname="before")) == "OK"
    assert below.snapshots == {120: ["before"]}
    power(api, "lxc", 120, "start")
    assert api.wait(api.post(f"{path}/before/rollback")) == "OK"
    assert 120 not in below.running
    assert api.wait(api.delete(f"{path}/before")) == "OK"
    assert below.snapshots == {120: []}
    below.failing.add("snapshot")
    assert api.wait(api.post(path, snapname="after")) == "snapshot went wrong"
    assert pve.guest(120).snapshots == {}


def test_a_firewall_reaches_the_guest_when_all_of_it_is_on(
    pve: LabPve, below: Stubborn, api: Client
) -> None:
    net = "name=eth0,bridge=vmbr0,ip=10.0.0.5/24"
    api.wait(api.container(net0=net))
    wall = "/nodes/pve1/lxc/120/firewall"
    rule = {"type": "in", "action": "ACCEPT", "proto": "tcp", "dport": "22", "enable": 1}
    api.post("/cluster/firewall/ipset", name="friends")
    api.post("/cluster/firewall/ipset/friends", cidr="10.0.0.1")
    api.post(f"{wall}/rules", **rule, source="+friends")
    api.post(f"{wall}/rules", type="in", action="DROP", enable=0)
    api.put(f"{wall}/options", enable=1, ipfilter=1)
    assert below.firewalls.get(120, Firewall()) == Firewall()
    api.put("/nodes/pve1/lxc/120/config", net0=f"{net},firewall=1")
    assert below.firewalls[120] == Firewall(
        enabled=True,
        policy_in="DROP",
        policy_out="ACCEPT",
        mac_filter=True,
        ip_filter=True,
        rules=(Rule("in", "ACCEPT", "tcp", "10.0.0.1", "", "22"),),
    )
    api.put("/cluster/firewall/options", enable=0)
    assert below.firewalls[120] == Firewall()


def test_a_vm_with_an_empty_address_filter_is_cut_off(below: Stubborn, api: Client) -> None:
    api.wait(api.clone())
    api.put(
        "/nodes/pve1/qemu/200/config",
        net0="virtio,bridge=vmbr0,firewall=1",
        ipconfig0="ip=10.0.0.6/24",
    )
    wall = "/nodes/pve1/qemu/200/firewall"
    api.put(f"{wall}/options", enable=1, ipfilter=1)
    assert below.firewalls[200].rules == (Rule("in", "DROP"), Rule("out", "DROP"))
    api.post(f"{wall}/ipset", name="ipfilter-net0")
    api.post(f"{wall}/ipset/ipfilter-net0", cidr="10.0.0.6")
    assert below.firewalls[200].rules == ()


def test_addresses_come_from_the_guest(pve: LabPve, api: Client) -> None:
    api.wait(api.container())
    power(api, "lxc", 120, "start")
    api.wait(api.clone())
    api.put("/nodes/pve1/qemu/200/config", ipconfig0="ip=10.0.0.6/24", agent="enabled=1")
    ask = "/nodes/pve1/qemu/200/agent/network-get-interfaces"
    assert api.ask("GET", ask).reason == "QEMU guest agent is not running"
    power(api, "qemu", 200, "start")
    [card] = api.get(ask)["result"]
    assert card["ip-addresses"][0]["ip-address"] == "10.0.0.6"
    pve.faults.agent_silent(200)
    assert api.ask("GET", ask).reason == "QEMU guest agent is not running"
    cards = {card["name"]: card for card in api.get("/nodes/pve1/lxc/120/interfaces")}
    assert cards["eth0"]["inet"] == "10.0.0.5/24"


def test_an_uploaded_template_is_handed_on(pve: LabPve, api: Client) -> None:
    seen: list[tuple[str, bytes]] = []
    pve.on_template = lambda volid, path: seen.append((volid, Path(path).read_bytes()))
    answer = requests.post(
        f"{api.base}/nodes/pve1/storage/local/upload",
        headers=dict(api.session.headers),
        data={"content": "vztmpl"},
        files={"filename": ("mine.tar.zst", b"an archive")},
        verify=api.ca_file,
        timeout=60,
    )
    assert api.wait(answer.json()["data"]) == "OK"
    assert seen == [("local:vztmpl/mine.tar.zst", b"an archive")]
    assert api.wait(api.container(ostemplate="local:vztmpl/mine.tar.zst")) == "OK"


@pytest.mark.parametrize("kind", ["lxc", "qemu"])
def test_a_guest_becomes_a_template(pve: LabPve, below: Stubborn, api: Client, kind: str) -> None:
    seen: list[int] = []
    pve.on_converted = seen.append
    api.wait(api.container(200) if kind == "lxc" else api.clone(200))
    assert api.wait(api.post(f"/nodes/pve1/{kind}/200/template")) == "OK"
    assert seen == [200]
    copied = api.post(f"/nodes/pve1/{kind}/200/clone", newid=201, full=1)
    assert api.wait(copied) == "OK"
    assert below.guests[201].image == "200"


def test_many_at_once_from_many_threads(below: Stubborn, pve: LabPve) -> None:
    def one(vmid: int) -> None:
        mine = client(pve)
        mine.wait(mine.container(vmid))
        power(mine, "lxc", vmid, "start")

    threads = [threading.Thread(target=one, args=(120 + n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert below.running == set(range(120, 128))
