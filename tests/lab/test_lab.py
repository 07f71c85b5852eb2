"""The lab as a whole: what it offers, and that nothing of it stays."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from paas.settings import CHECKOUT, Settings
from tests.lab import ground
from tests.lab.ground import PLAIN_TEMPLATE, STATE, Ground
from tests.lab.hypervisor import GuestConfig
from tests.lab.lab import BRIDGE, POOL, STORAGE, Lab
from tests.lab.network import Plan
from tests.lab.reaching import Visitor, eventually

# Starts a guest, says so, and waits to be killed.
KILLED = """
import sys, time
from tests.lab import ground
from tests.lab.hypervisor import GuestConfig
with ground.prepared() as here:
    guest = GuestConfig(100, "lxc", "left", ground.PLAIN_TEMPLATE)
    here.hypervisor.create(guest)
    here.hypervisor.start(100)
    sys.stdout.write(f"{here.plan.number}\\n")
    sys.stdout.flush()
    time.sleep(600)
"""


@contextmanager
def guest_of(lab: Lab, image: str, folder: Path) -> Iterator[Callable[[str], str]]:
    """A guest made of this image, as a way to run a shell's words in it."""
    here, visitor = lab.ground, Visitor(folder)
    address = f"{here.plan.subnet}.198"
    guest = GuestConfig(
        800,
        "lxc",
        "installs",
        image,
        memory=1024,
        address=f"{address}/24",
        gateway=here.plan.host,
        ssh_keys=(visitor.public,),
    )
    here.hypervisor.create(guest)
    try:
        here.hypervisor.start(800)
        yield lambda words: visitor.run(address, here.hypervisor.host_key(800), words)
    finally:
        here.hypervisor.destroy(800)


def traces(number: int) -> list[str]:
    """What of the lab with this number is on the machine, in words."""
    plan, folder = Plan(number), STATE / str(number)
    found = [str(path) for path in (folder, Path("/sys/class/net") / plan.bridge) if path.exists()]
    found += [str(path) for path in Path("/sys/class/net").glob(f"pl{number}.*")]
    for line in Path("/proc/self/mounts").read_text().splitlines():
        found += [line] if f" {folder}/" in line else []
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    found += [line for line in tables.stdout.splitlines() if line.endswith(plan.bridge)]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        found += [words] if f"{folder}/" in words or f"{plan.bridge}-" in words else []
    return found


def test_the_platform_takes_the_settings(lab: Lab, tmp_path: Path) -> None:
    settings = Settings.read(lab.environ(tmp_path))
    assert settings.target == "proxmox"
    assert lab.environ(tmp_path, addresses="dhcp")["PAAS_PROXMOX_ADDRESSES"] == "dhcp"


def test_the_token_makes_a_guest_and_removes_it(lab: Lab, tmp_path: Path) -> None:
    visitor, plan = Visitor(tmp_path), lab.ground.plan
    session = requests.Session()
    session.headers["Authorization"] = f"PVEAPIToken={lab.token}"
    # A bundle that the environment names would win over the session's own.
    session.trust_env = False
    session.verify = str(lab.pve.ca_file)
    guests = f"{lab.pve.url}/api2/json/nodes/pve1/lxc"
    wanted = {
        "vmid": 100100,
        "ostemplate": ground.LXC_TEMPLATE,
        "hostname": "through-the-api",
        "pool": POOL,
        "rootfs": f"{STORAGE}:4",
        "unprivileged": 1,
        "net0": f"name=eth0,bridge={BRIDGE},ip={plan.subnet}.30/24,gw={plan.host}",
        "ssh-public-keys": visitor.public,
        "start": 1,
    }
    made = session.post(guests, data=wanted, timeout=30)
    assert made.status_code == 200, made.reason
    hypervisor = lab.ground.hypervisor
    eventually(lambda: hypervisor.is_running(100100), "the guest runs")
    said = visitor.run(f"{plan.subnet}.30", hypervisor.host_key(100100), "hostname")
    assert said == "through-the-api"
    gone = session.delete(f"{guests}/100100", params={"force": 1}, timeout=30)
    assert gone.status_code == 200, gone.reason
    eventually(lambda: 100100 not in hypervisor.vmids(), "the guest is gone")


def test_a_plain_guest_installs_from_the_mirrors(lab: Lab, tmp_path: Path) -> None:
    base = lab.mirrors.url
    index = f"--index-url {base}/pip/simple/"
    with guest_of(lab, PLAIN_TEMPLATE, tmp_path) as inside:
        inside(f"echo 'deb {base}/apt bookworm main' >/etc/apt/sources.list")
        inside("apt-get -qq update && apt-get -qq install --no-install-recommends python3-venv")
        inside("python3 -m venv /root/v")
        trust = f"--trusted-host {lab.ground.plan.host}"
        inside(f"/root/v/bin/pip install -q {index} {trust} uv flask==3.1.3")
        inside(f"/root/v/bin/uv pip install -q -p /root/v {index} gunicorn==27.0.1")
        assert "27.0.1" in inside("/root/v/bin/gunicorn --version")


def test_a_guest_with_runtimes_installs_from_the_registry(lab: Lab, tmp_path: Path) -> None:
    with guest_of(lab, ground.LXC_TEMPLATE, tmp_path) as inside:
        inside("node --version && php --version && python3 -m venv /root/v")
        registry = f"npm --registry {lab.mirrors.url}/npm/"
        inside(f"mkdir /root/n && cd /root/n && {registry} install --silent express@5.3.0")
        assert "express" in inside("ls /root/n/node_modules").split()


def test_a_lab_leaves_nothing(lab_guests: Ground) -> None:
    threads = set(threading.enumerate())
    with ground.prepared() as here:
        number = here.plan.number
        assert number != lab_guests.plan.number
        here.hypervisor.create(GuestConfig(100, "lxc", "short", PLAIN_TEMPLATE))
        here.hypervisor.start(100)
        assert len(traces(number)) > 4
    assert traces(number) == []
    assert set(threading.enumerate()) <= threads


def test_what_a_killed_lab_left_is_swept(lab_guests: Ground) -> None:
    words = [sys.executable, "-c", KILLED]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as killed:
        assert killed.stdout is not None
        number = int(killed.stdout.readline())
        os.kill(killed.pid, signal.SIGKILL)
    assert any("dnsmasq" in trace for trace in traces(number))
    assert ground.sweep_all([lab_guests.plan.number, number]) == {number: [f"paaslab{number}-100"]}
    assert traces(number) == []


def test_a_lab_that_runs_is_not_taken(lab_guests: Ground) -> None:
    with (
        pytest.raises(ground.Busy, match="runs already"),
        ground.prepared(lab_guests.plan.number),
    ):
        pass
