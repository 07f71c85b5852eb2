"""Real guests: that they boot, obey, remember, and leave nothing."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from tests.lab import golden
from tests.lab.ground import PLAIN_TEMPLATE, Ground
from tests.lab.hypervisor import GuestConfig, HypervisorError
from tests.lab.reaching import Visitor, eventually

numbers = count(100)


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Visitor:
    return Visitor(tmp_path_factory.mktemp("visitor"))


@pytest.fixture
def config(lab_guests: Ground, visitor: Visitor) -> GuestConfig:
    """A guest that nobody has made yet, with a static address."""
    vmid = next(numbers)
    plan = lab_guests.plan
    return GuestConfig(
        vmid,
        "lxc",
        f"guest-{vmid}",
        PLAIN_TEMPLATE,
        address=f"{plan.subnet}.{vmid - 80}/24",
        gateway=plan.host,
        dns=(plan.host,),
        ssh_keys=(visitor.public,),
    )


@pytest.fixture
def guest(lab_guests: Ground, config: GuestConfig) -> Iterator[GuestConfig]:
    """A running guest."""
    lab_guests.hypervisor.create(config)
    lab_guests.hypervisor.start(config.vmid)
    yield config
    lab_guests.hypervisor.destroy(config.vmid)


@pytest.fixture(autouse=True)
def nothing_stays(lab_guests: Ground) -> Iterator[None]:
    yield
    for vmid in lab_guests.hypervisor.vmids():
        lab_guests.hypervisor.destroy(vmid)
    assert not list(lab_guests.hypervisor.path.glob("*"))
    mounts = Path("/proc/self/mounts").read_text()
    assert str(lab_guests.hypervisor.path) not in mounts
    assert not list(Path("/sys/class/net").glob(f"pl{lab_guests.plan.number}.*"))


def reach(ground: Ground, visitor: Visitor, guest: GuestConfig, *words: str) -> str:
    hypervisor = ground.hypervisor
    eventually(lambda: bool(hypervisor.addresses(guest.vmid)), "the guest has an address")
    address = hypervisor.addresses(guest.vmid)[0].partition("/")[0]
    return visitor.run(address, hypervisor.host_key(guest.vmid), *words)


@pytest.mark.parametrize("kind", ["lxc", "qemu"])
def test_a_guest_is_who_it_should_be(
    lab_guests: Ground, visitor: Visitor, config: GuestConfig, kind: str
) -> None:
    hypervisor = lab_guests.hypervisor
    config = replace(config, kind=kind)
    hypervisor.create(config)
    assert not hypervisor.is_running(config.vmid)
    hypervisor.start(config.vmid)
    assert hypervisor.is_running(config.vmid)
    assert hypervisor.addresses(config.vmid) == [config.address]
    assert reach(lab_guests, visitor, config, "hostname") == config.hostname
    said = reach(lab_guests, visitor, config, "systemctl", "is-system-running", "--wait")
    assert said == "running"


@pytest.mark.parametrize("is_told_later", [False, True])
def test_a_guest_gets_an_address_by_dhcp(
    lab_guests: Ground, visitor: Visitor, config: GuestConfig, is_told_later: bool
) -> None:
    leased = replace(config, address="dhcp", gateway="")
    # A clone is made first, and then told what it is to be.
    lab_guests.hypervisor.create(config if is_told_later else leased)
    config = leased
    lab_guests.hypervisor.configure(config)
    lab_guests.hypervisor.start(config.vmid)
    assert reach(lab_guests, visitor, config, "hostname") == config.hostname
    address = lab_guests.hypervisor.addresses(config.vmid)[0]
    assert 200 <= int(address.partition("/")[0].rpartition(".")[2]) <= 250


def test_each_method_may_be_called_twice(lab_guests: Ground, guest: GuestConfig) -> None:
    hypervisor = lab_guests.hypervisor
    hypervisor.create(guest)
    hypervisor.start(guest.vmid)
    for _ in range(2):
        hypervisor.configure(guest)
        hypervisor.snapshot(guest.vmid, "twice")
    for _ in range(2):
        hypervisor.drop_snapshot(guest.vmid, "twice")
        hypervisor.stop(guest.vmid)
    for _ in range(2):
        hypervisor.destroy(guest.vmid)
    assert not hypervisor.is_running(guest.vmid)


def test_shutdown_lets_the_guest_end_its_work(
    lab_guests: Ground, visitor: Visitor, guest: GuestConfig
) -> None:
    hypervisor = lab_guests.hypervisor
    unit = "[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStop=/bin/touch /root/ended\\n"
    command = f"printf '{unit}' >/etc/systemd/system/last.service && systemctl start last"
    reach(lab_guests, visitor, guest, command)
    hypervisor.shutdown(guest.vmid, 60)
    assert not hypervisor.is_running(guest.vmid)
    hypervisor.start(guest.vmid)
    reach(lab_guests, visitor, guest, "test", "-e", "/root/ended")


def test_a_guest_that_powers_itself_off_is_seen(
    lab_guests: Ground, visitor: Visitor, guest: GuestConfig
) -> None:
    reach(lab_guests, visitor, guest, "systemd-run --no-block systemctl poweroff")
    eventually(lambda: not lab_guests.hypervisor.is_running(guest.vmid), "the guest has ended")
    assert lab_guests.hypervisor.addresses(guest.vmid) == []


def test_a_guest_that_restarts_itself_is_back(
    lab_guests: Ground, visitor: Visitor, guest: GuestConfig
) -> None:
    before = reach(lab_guests, visitor, guest, "stat -c %Y /proc/1; touch /run/before")
    lab_guests.hypervisor.run_inside(guest.vmid, "systemctl", "reboot", "--no-block")

    def back() -> bool:
        try:
            said = reach(lab_guests, visitor, guest, "ls /run")
        except AssertionError:
            return False
        return "before" not in said

    eventually(back, f"another start than {before}")
    assert lab_guests.hypervisor.is_running(guest.vmid)


def test_a_snapshot_brings_the_disk_back(
    lab_guests: Ground, visitor: Visitor, guest: GuestConfig
) -> None:
    hypervisor = lab_guests.hypervisor
    reach(lab_guests, visitor, guest, "echo first >/root/kept && rm /etc/motd && sync")
    hypervisor.snapshot(guest.vmid, "one")
    reach(lab_guests, visitor, guest, "echo second >/root/kept && touch /etc/motd")
    hypervisor.rollback(guest.vmid, "one")
    assert not hypervisor.is_running(guest.vmid)
    hypervisor.start(guest.vmid)
    assert reach(lab_guests, visitor, guest, "cat /root/kept; ls /etc").startswith("first\n")
    assert "motd" not in reach(lab_guests, visitor, guest, "ls /etc").split()


def test_a_snapshot_that_is_not_there_is_refused(lab_guests: Ground, guest: GuestConfig) -> None:
    with pytest.raises(HypervisorError, match="snapshot 'none' does not exist"):
        lab_guests.hypervisor.rollback(guest.vmid, "none")


def test_memory_is_limited_and_follows_the_configuration(
    lab_guests: Ground, guest: GuestConfig
) -> None:
    hypervisor = lab_guests.hypervisor
    hypervisor.configure(replace(guest, memory=128))
    hog = "import sys; held = bytearray(300 << 20); sys.stdout.write('held')"
    with pytest.raises(HypervisorError):
        hypervisor.run_inside(guest.vmid, "/usr/bin/python3", "-c", hog)
    hypervisor.configure(replace(guest, memory=1024))
    assert hypervisor.run_inside(guest.vmid, "/usr/bin/python3", "-c", hog) == "held"


def test_a_new_name_counts_from_the_next_start(
    lab_guests: Ground, visitor: Visitor, guest: GuestConfig
) -> None:
    hypervisor = lab_guests.hypervisor
    hypervisor.stop(guest.vmid)
    renamed = replace(guest, hostname="renamed")
    hypervisor.configure(renamed)
    hypervisor.start(guest.vmid)
    assert reach(lab_guests, visitor, renamed, "hostname; cat /etc/hostname") == "renamed\nrenamed"


def test_a_guest_made_a_template_is_cloned(
    lab_guests: Ground, visitor: Visitor, guest: GuestConfig
) -> None:
    hypervisor = lab_guests.hypervisor
    reach(lab_guests, visitor, guest, "echo inherited >/root/made")
    hypervisor.shutdown(guest.vmid, 60)
    vmid = next(numbers)
    address = f"{lab_guests.plan.subnet}.{vmid - 80}/24"
    clone = replace(guest, vmid=vmid, image=str(guest.vmid), hostname="clone", address=address)
    hypervisor.create(clone)
    hypervisor.start(vmid)
    assert reach(lab_guests, visitor, clone, "hostname; cat /root/made") == "clone\ninherited"
    assert hypervisor.host_key(vmid) != hypervisor.host_key(guest.vmid)
    hypervisor.destroy(vmid)


def test_an_uploaded_template_makes_guests(
    lab_guests: Ground, visitor: Visitor, config: GuestConfig, tmp_path: Path
) -> None:
    archive = tmp_path / "uploaded.tar.zst"
    golden.pack(lab_guests.trees[1], archive)
    lab_guests.images.register("local:vztmpl/uploaded.tar.zst", archive)
    config = replace(config, image="local:vztmpl/uploaded.tar.zst")
    lab_guests.hypervisor.create(config)
    lab_guests.hypervisor.start(config.vmid)
    assert reach(lab_guests, visitor, config, "hostname") == config.hostname


def test_an_unknown_image_is_refused_and_leaves_nothing(
    lab_guests: Ground, config: GuestConfig
) -> None:
    with pytest.raises(HypervisorError, match="no image for the template 'local:vztmpl/none'"):
        lab_guests.hypervisor.create(replace(config, image="local:vztmpl/none"))


def test_a_guest_that_is_not_there_is_named(lab_guests: Ground) -> None:
    with pytest.raises(HypervisorError, match="the lab has no guest 99"):
        lab_guests.hypervisor.start(99)
    lab_guests.hypervisor.destroy(99)
