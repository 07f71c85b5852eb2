"""Starting, ending and snapshots of guests, and what the network gives them."""

import pytest

from paas.domain.errors import StepFailed
from paas.domain.specs import GuestSpec
from paas.targets.contract import Contact
from paas.targets.proxmox.power import snapshot_name
from paas.tools.proxmox import Locked, Refused
from tests.lab.pve_realism import SHY_FOR

from .world import World


@pytest.fixture
def guest(world: World) -> GuestSpec:
    made = world.reserve()
    world.make_directly(made)
    return made


def status(world: World, guest: GuestSpec) -> str:
    spot = world.target.proxmox.find(guest.vmid)
    return spot.status if spot else "absent"


def set_acpi(world: World, guest: GuestSpec, *, answers: bool) -> None:
    """Whether the guest heeds a request to end."""
    found = world.pve.on_loop(lambda: world.pve.guest(guest.vmid))
    found.shutdown_secs = 0 if answers else 9999


def test_a_guest_is_stopped_and_started_and_both_twice_is_fine(
    world: World, guest: GuestSpec
) -> None:
    world.target.stop(guest)
    world.target.stop(guest)
    assert status(world, guest) == "stopped"
    assert [d.name for d in world.target.differences(guest)] == ["power"]
    world.target.start(guest)
    world.target.start(guest)
    assert status(world, guest) == "running"
    assert ("start_app", guest.address) in world.inside.asked
    world.target.restart(guest)
    assert status(world, guest) == "running"


def test_a_stop_ends_a_deaf_guest_by_force_and_a_shutdown_does_not(
    world: World, guest: GuestSpec
) -> None:
    set_acpi(world, guest, answers=False)
    with pytest.raises(StepFailed, match="has not shut down within 5 s; it is left"):
        world.target.shutdown(guest, 5.0)
    assert status(world, guest) == "running"
    world.target.stop(guest)
    assert status(world, guest) == "stopped"
    world.target.start(guest)
    set_acpi(world, guest, answers=True)
    world.target.shutdown(guest, 5.0)
    assert status(world, guest) == "stopped"


def test_a_guest_that_somebody_switched_off_is_not_revived_but_made_ready(
    world: World, guest: GuestSpec
) -> None:
    world.pve.faults.stop_behind(guest.vmid)
    assert not world.target.revive(guest)
    assert status(world, guest) == "stopped"
    contact = world.target.wait_ready(guest, 30.0)
    assert contact == Contact(guest.address, "ssh-ed25519 AAAA")
    assert status(world, guest) == "running"


def test_power_goes_by_the_state_of_now_and_not_by_the_lists(
    world: World, guest: GuestSpec
) -> None:
    world.pve.shy_for, world.pve.status_lag = 0.0, 1e6
    try:
        rows = world.target.proxmox.resources()
        assert [row["status"] for row in rows if row["vmid"] == guest.vmid] == ["stopped"]
        world.target.start(guest)
        assert not world.target.differences(guest)
        world.target.remove(guest)
    finally:
        world.pve.shy_for, world.pve.status_lag = SHY_FOR, 0.0
    assert not world.exists(guest)


def test_a_shutdown_that_is_refused_says_so(world: World, guest: GuestSpec) -> None:
    world.pve.faults.lock(guest.vmid, "backup")
    with pytest.raises(Locked, match="locked"):
        world.target.shutdown(guest, 5.0)
    world.pve.faults.clear()
    world.pve.faults.deny("VM.PowerMgmt")
    with pytest.raises(Refused, match=r"lacks VM\.PowerMgmt"):
        world.target.shutdown(guest, 5.0)


def test_a_start_that_failed_for_a_lock_is_begun_anew(world: World, guest: GuestSpec) -> None:
    world.target.stop(guest)
    world.pve.faults.task_error("start", "can't lock file '/run/lock/x' - got timeout")
    world.target.start(guest)
    assert status(world, guest) == "running"


def test_a_start_that_fails_says_why(world: World, guest: GuestSpec) -> None:
    world.target.stop(guest)
    world.pve.faults.task_error("start", "startup for container failed", times=None)
    with pytest.raises(StepFailed, match="startup for container failed"):
        world.target.start(guest)


def test_a_guest_that_is_gone_cannot_be_started(world: World, guest: GuestSpec) -> None:
    world.pve.faults.remove_behind(guest.vmid)
    with pytest.raises(StepFailed, match=r"is not there any more\. Deploy the app again"):
        world.target.start(guest)
    assert [d.found for d in world.target.differences(guest)] == ["absent"]
    world.target.retire(guest, None)  # type: ignore[arg-type]


def test_snapshots_are_taken_once_restored_and_pruned(world: World, guest: GuestSpec) -> None:
    for name in ("1", "2", "2", "3"):
        assert world.target.snapshot(guest, name)
    path = f"/nodes/{guest.node}/{world.kind}/{guest.vmid}/snapshot"
    world.target.proxmox.wait_task(world.target.proxmox.post(path, snapname="by-hand"), 30)

    def names() -> set[str]:
        return {row["name"] for row in world.target.proxmox.get(path)} - {"current"}

    assert names() == {"paas-1", "paas-2", "paas-3", "by-hand"}
    world.pve.faults.change_behind(guest.vmid, memory=2048)
    world.target.restore(guest, "2")
    assert not world.target.differences(guest)
    assert status(world, guest) == "running"
    world.target.prune_snapshots(guest, 1)
    assert len(names()) == 2
    assert "by-hand" in names()
    world.target.prune_snapshots(guest, 0)
    assert names() == {"by-hand"}
    with pytest.raises(StepFailed, match="has no snapshot paas-9"):
        world.target.restore(guest, "9")


def test_a_storage_without_snapshots_says_no(world: World, guest: GuestSpec) -> None:
    world.pve.faults.task_error("snapshot", "snapshot feature is not available", times=None)
    assert not world.target.snapshot(guest, "1")
    world.pve.faults.clear()
    world.pve.faults.task_error("snapshot", "lvcreate failed", times=None)
    with pytest.raises(StepFailed, match="lvcreate failed"):
        world.target.snapshot(guest, "1")


def test_names_of_snapshots_are_proxmoxs(world: World) -> None:
    assert snapshot_name("before release 3!") == "paas-before-release-3-"
    assert snapshot_name("paas-3") == "paas-3"
    assert len(snapshot_name("x" * 80)) == 40
    assert world.kind


@pytest.mark.parametrize(
    "message",
    [
        "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout",
        "received an HTTP 595 response - Reason: No route to host",
        "received an HTTP 500 response - Reason: cluster not ready - no quorum?",
        "Post https://x: read tcp: connection reset by peer",
        "Get https://x: context deadline exceeded (Client.Timeout exceeded)",
        "Get https://x: EOF",
    ],
)
def test_what_passes_by_itself_is_known(world: World, message: str) -> None:
    assert world.target.is_passing(message)


@pytest.mark.parametrize(
    "message",
    [
        "No space left on device",
        "Permission check failed (/vms/120, VM.Config.Disk)",
        "CT 200 already exists on node 'pve1'",
        "volume 'local:vztmpl/x' does not exist",
    ],
)
def test_what_does_not_pass_is_known(world: World, message: str) -> None:
    assert not world.target.is_passing(message)
