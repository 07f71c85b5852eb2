"""Whose guest stands at a vmid: marker, proof, half-made ones, and what is removed of them."""

import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from paas.domain.errors import ForeignGuest, LeaseLost, StepFailed, StepInterrupted, Unreachable
from paas.domain.specs import GuestSpec
from paas.targets.contract import Presence
from paas.targets.proxmox import marker, unlocking
from paas.targets.proxmox.removal import Removal
from paas.tools.proxmox import Proxmox, Refused
from paas.tools.ssh import Account, Done
from tests.lab.pve_answers import Request

from .world import INSTALLATION, World


def begin(world: World, guest: GuestSpec, proxmox: Proxmox | None = None) -> str:
    """Begin to make the guest, as the provider does, and do not wait."""
    proxmox, values = proxmox or world.target.proxmox, world.target.values(guest)
    if world.kind == "lxc":
        given: dict[str, Any] = {"vmid": guest.vmid, "ostemplate": values["template"]}
        given |= {"rootfs": "local-lvm:5", "hostname": guest.hostname, "pool": "paas"}
        given["description"] = values["description"]
        return str(proxmox.post(f"/nodes/{guest.node}/lxc", unprivileged=1, **given))
    given = {"newid": guest.vmid, "full": 1, "pool": "paas", "name": guest.hostname}
    given["description"] = values["description"]
    path = f"/nodes/{guest.node}/qemu/{values['template']}/clone"
    return str(proxmox.post(path, **given))


def making(world: World) -> str:
    return "create" if world.kind == "lxc" else "clone"


def half_made(world: World, guest: GuestSpec, proxmox: Proxmox | None = None) -> None:
    """A create whose worker was killed: a locked guest without a marker."""
    world.pve.faults.task_hang(making(world))
    upid = begin(world, guest, proxmox)
    world.pve.faults.wait_hanging(making(world))
    assert world.pve.faults.kill_task(making(world)) == 1
    with pytest.raises(StepInterrupted):
        world.target.proxmox.wait_task(upid, 30)


def config(world: World, guest: GuestSpec) -> dict[str, Any]:
    return dict(world.pve.on_loop(lambda: dict(world.pve.guest(guest.vmid).config)))


def test_an_empty_place_is_absent(world: World) -> None:
    assert world.target.observe(world.reserve()) is Presence.ABSENT


def test_a_guest_with_our_marker_is_ours_without_any_proof(world: World) -> None:
    guest = world.reserve()
    world.make_directly(guest)
    assert world.target.observe(replace(guest, preflight=None)) is Presence.OURS


def test_a_strangers_guest_is_foreign_and_never_touched(world: World) -> None:
    guest = world.reserve()
    world.pve.faults.occupy(guest.vmid, "lxc" if world.kind == "lxc" else "qemu")
    assert world.target.observe(guest) is Presence.FOREIGN
    before = len(world.pve.requests)
    with pytest.raises(ForeignGuest, match="not this installation's"):
        world.target.remove(guest)
    for change in (world.target.stop, world.target.start, world.target.restart):
        with pytest.raises(ForeignGuest, match="left alone"):
            change(guest)
    assert {request.method for request in world.pve.requests[before:]} == {"GET"}
    assert [one.name for one in world.target.differences(guest)] == ["presence"]


def test_another_installations_guest_is_foreign_though_the_token_made_it(world: World) -> None:
    guest = world.reserve()
    other = replace(guest, marker=f"{INSTALLATION[::-1].replace('-', 'a')[:8]}-0-0-0-0/x")
    uuid = "ffffffff-1111-4222-8333-444444444444"
    world.make_directly(replace(other, marker=f"{uuid}/{guest.uuid}"))
    assert world.target.observe(guest) is Presence.FOREIGN


def test_a_half_made_guest_is_proved_ours_by_its_task(world: World) -> None:
    guest = world.reserve()
    half_made(world, guest)
    assert "description" not in config(world, guest)
    assert world.target.observe(guest) is Presence.OURS
    assert world.target.observe(replace(guest, preflight=None)) is Presence.FOREIGN
    later = replace(guest, preflight=time.time() + 3600)
    assert world.target.observe(later) is Presence.FOREIGN


def test_a_guest_whose_notes_were_edited_is_known_by_its_card(world: World) -> None:
    guest = world.reserve()
    world.make_directly(guest)
    long_ago = replace(guest, preflight=time.time() + 3600)
    card = "name=eth0,bridge=vmbr0,hwaddr={}" if world.kind == "lxc" else "virtio={},bridge=vmbr0"
    ours = card.format(marker.mac(guest.marker))
    world.pve.faults.change_behind(guest.vmid, description="please keep", net0=ours)
    assert world.target.observe(long_ago) is Presence.OURS
    theirs = card.format("02:00:00:00:00:01")
    world.pve.faults.change_behind(guest.vmid, net0=theirs)
    assert world.target.observe(long_ago) is Presence.FOREIGN


def test_a_half_made_guest_of_another_token_is_foreign(world: World) -> None:
    guest = world.reserve()
    root = replace(world.target.site.access, token=world.pve.root_token)
    half_made(world, guest, Proxmox(root))
    assert world.target.observe(guest) is Presence.FOREIGN


def test_a_place_that_was_emptied_since_proves_nothing(world: World) -> None:
    guest = world.reserve()
    world.make_directly(guest)
    world.target.remove(guest)
    world.pve.faults.occupy(guest.vmid, "lxc" if world.kind == "lxc" else "qemu")
    stranger = world.pve.guest(guest.vmid)
    stranger.config.pop("hostname" if world.kind == "lxc" else "name", None)
    assert world.target.observe(guest) is Presence.FOREIGN


def test_observe_waits_for_a_task_that_is_making_the_guest(world: World) -> None:
    guest = world.reserve()
    world.pve.faults.task_hang(making(world))
    begin(world, guest)
    world.pve.faults.wait_hanging(making(world))
    seen: list[Presence] = []
    looking = threading.Thread(target=lambda: seen.append(world.target.observe(guest)))
    looking.start()
    while not any("/status" in r.path and "/tasks/" in r.path for r in world.pve.requests):
        time.sleep(0.01)
    assert not seen
    world.pve.faults.release()
    looking.join(60)
    assert seen == [Presence.OURS]


def test_nothing_is_absent_that_cannot_be_looked_at(world: World) -> None:
    guest = world.reserve()
    world.make_directly(guest)
    world.pve.faults.offline(guest.node)
    with pytest.raises(Unreachable):
        world.target.observe(guest)
    with pytest.raises(Unreachable):
        world.target.remove(guest)
    assert world.target.node_of(guest) == guest.node
    world.pve.faults.unreachable()
    with pytest.raises(Unreachable):
        world.target.observe(guest)
    assert world.target.node_of(guest) == guest.node


def test_a_revoked_token_decides_nothing(world: World) -> None:
    guest = world.reserve()
    world.make_directly(guest)
    world.pve.faults.revoke(world.target.site.access.token)
    with pytest.raises(Refused, match="does not accept the API token"):
        world.target.observe(guest)


def test_a_running_guest_is_removed_with_its_disks_and_removing_twice_is_fine(
    world: World,
) -> None:
    guest = world.reserve()
    world.make_directly(guest)
    world.target.remove(guest)
    assert not world.exists(guest)
    assert not world.volumes(guest)
    world.target.remove(guest)
    assert world.target.observe(guest) is Presence.ABSENT


def test_a_create_that_goes_on_is_ended_before_its_guest_is_removed(world: World) -> None:
    guest = world.reserve()
    world.pve.faults.task_hang(making(world))
    begin(world, guest)
    world.pve.faults.wait_hanging(making(world))
    world.target.remove(guest)
    assert not world.exists(guest)
    assert not world.volumes(guest)
    assert not world.target.proxmox.active_tasks()


def test_another_guests_clone_of_the_same_template_goes_on(world: World) -> None:
    if world.kind == "lxc":
        return
    mine, other = world.reserve(), world.reserve()
    world.pve.faults.task_hang("clone")
    begin(world, other)
    world.pve.faults.wait_hanging("clone")
    world.target.remove(mine)
    assert world.target.proxmox.active_tasks()
    world.pve.faults.release()
    assert world.target.observe(other) is Presence.OURS


def test_a_lock_that_was_left_behind_names_the_command_and_goes_on_afterwards(
    world: World,
) -> None:
    guest = world.reserve()
    half_made(world, guest)
    program = "pct" if world.kind == "lxc" else "qm"
    pool = f"pvesh set /pools/paas --vms {guest.vmid}"
    words = f"run `{program} unlock {guest.vmid} && {pool}` on node {guest.node}"
    with pytest.raises(StepInterrupted, match=words):
        world.target.remove(guest)
    assert world.exists(guest)
    world.pve.on_loop(lambda: world.pve.unlock(guest.vmid))
    with pytest.raises(StepInterrupted, match=f"run `{pool}` on node"):
        world.target.remove(guest)
    world.pve.on_loop(lambda: world.pve.pools["paas"].add(guest.vmid))
    world.target.remove(guest)
    assert not world.exists(guest)
    assert not world.volumes(guest)


def test_a_key_for_it_unlocks_on_the_node(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    key = tmp_path / "key"
    key.write_text("a key")
    site = replace(world.target.site, unlock_key=str(key))
    world.target.guests.site = site
    removal = Removal(world.target.guests, world.target.power)
    asked: list[tuple[str, list[str]]] = []

    def run(account: Account, commands: list[list[str]]) -> Done:
        asked.append((account.address, [" ".join(command) for command in commands]))
        world.pve.on_loop(lambda: world.pve.unlock(guest.vmid))
        world.pve.on_loop(lambda: world.pve.pools["paas"].add(guest.vmid))
        return Done(0, b"", "")

    monkeypatch.setattr(unlocking, "_run", run)
    guest = world.reserve()
    half_made(world, guest)
    removal.remove(guest)
    program = "pct" if world.kind == "lxc" else "qm"
    address = {"pve1": "192.0.2.11", "pve2": "192.0.2.12"}[guest.node]
    lines = [f"{program} unlock {guest.vmid}", f"pvesh set /pools/paas --vms {guest.vmid}"]
    assert asked == [(address, lines)]
    assert not world.exists(guest)


def test_a_disk_without_a_guest_is_removed_with_it(world: World) -> None:
    """After a killed create, an administrator who destroys the guest leaves its disk."""
    guest = world.reserve()
    half_made(world, guest)

    def lose() -> None:
        guests = world.pve.cts if world.kind == "lxc" else world.pve.vms
        guests.remove(world.pve.guest(guest.vmid))
        name = f"vm-{guest.vmid}-disk-0"
        content = "rootdir" if world.kind == "lxc" else "images"
        kept = {"content": content, "format": "raw", "size": 1024, "vmid": guest.vmid}
        volumes = world.pve.storages["local-lvm"].setdefault("volumes", {})
        volumes[name] = {**kept, "ctime": int(time.time())}

    world.pve.on_loop(lose)
    assert world.target.observe(guest) is Presence.ABSENT
    world.target.remove(guest)
    assert not world.exists(guest)
    assert not world.volumes(guest)


def test_a_strangers_disk_of_an_old_guest_with_the_same_number_stays(world: World) -> None:
    guest = world.reserve()

    def leave() -> None:
        kept = {"content": "rootdir", "format": "raw", "size": 1024, "vmid": guest.vmid}
        volumes = world.pve.storages["local-lvm"].setdefault("volumes", {})
        volumes[f"vm-{guest.vmid}-disk-0"] = {**kept, "ctime": 1000}

    world.pve.on_loop(leave)
    world.target.remove(guest)
    world.target.remove(replace(guest, preflight=None))
    assert world.volumes(guest) == [f"vm-{guest.vmid}-disk-0"]
    world.pve.on_loop(
        lambda: world.pve.storages["local-lvm"]["volumes"].pop(f"vm-{guest.vmid}-disk-0")
    )


def test_a_backup_is_waited_for_and_not_broken(world: World) -> None:
    guest = world.reserve()
    world.make_directly(guest)
    upid = world.pve.run(world.pve.backup(guest.vmid, secs=3000))
    with pytest.raises(Unreachable, match=r"locked \(backup\) by a task of root@pam"):
        world.target.remove(guest)
    assert world.exists(guest)
    assert upid in world.pve.tasks


def test_a_backup_of_several_guests_is_waited_for_too(world: World) -> None:
    guest = world.reserve()
    world.make_directly(guest)
    upid = world.pve.run(world.pve.backup_of_several([guest.vmid], secs=30_000))
    with pytest.raises(Unreachable, match="while a backup of several guests by root@pam runs"):
        world.target.remove(guest)
    assert world.exists(guest)
    assert world.pve.faults.kill_task("vzdump")
    with pytest.raises(StepInterrupted):
        world.target.proxmox.wait_task(upid, 30)
    world.target.remove(guest)
    assert not world.exists(guest)


def test_a_backup_that_begins_meanwhile_is_waited_for(world: World) -> None:
    guest = world.reserve()
    world.make_directly(guest)

    def begin_backup(_request: Request) -> None:
        world.pve.faults.lock(guest.vmid, "backup")
        world.pve.run(world.pve.backup_of_several([guest.vmid], secs=30_000))

    world.pve.faults.on_request("*/status/stop", begin_backup, method="POST")
    with pytest.raises(Unreachable, match="while a backup of several guests"):
        world.target.remove(guest)
    assert world.exists(guest)
    assert world.pve.faults.kill_task("vzdump")


def test_a_lock_that_no_task_holds_is_named_and_the_guest_is_not_called_half_made(
    world: World,
) -> None:
    guest = world.reserve()
    world.make_directly(guest)
    world.pve.faults.lock(guest.vmid, "backup")
    program = "pct" if world.kind == "lxc" else "qm"
    words = rf"left guest {guest.vmid} locked \(backup\), .* run `{program} unlock {guest.vmid}` on"
    with pytest.raises(StepInterrupted, match=words):
        world.target.remove(guest)
    assert world.exists(guest)


def test_an_attempt_that_is_to_end_neither_changes_nor_waits(world: World) -> None:
    guest = world.reserve()
    world.make_directly(guest)
    reasons: list[LeaseLost] = []
    bound = world.target.during(lambda: reasons[0] if reasons else None)
    assert bound.observe(guest) is Presence.OURS
    reasons.append(LeaseLost("Another worker has it"))
    before = len(world.pve.requests)
    for change in (bound.remove, bound.stop, bound.restart):
        with pytest.raises(LeaseLost):
            change(guest)
    with pytest.raises(LeaseLost):
        bound.snapshot(guest, "1")
    for work in (bound.switch, bound.retire, bound.tidy):
        with pytest.raises(LeaseLost):
            work(guest, ())  # type: ignore[arg-type]
    assert not world.inside.asked
    assert {request.method for request in world.pve.requests[before:]} == {"GET"}
    assert world.target.observe(guest) is Presence.OURS


def test_looking_at_a_guest_that_is_being_made_ends_with_its_attempt(world: World) -> None:
    guest = world.reserve()
    world.pve.faults.task_hang(making(world))
    begin(world, guest)
    world.pve.faults.wait_hanging(making(world))
    bound = world.target.during(lambda: LeaseLost("Another worker has it"))
    with pytest.raises(LeaseLost):
        bound.observe(guest)
    world.pve.faults.release()
    assert world.target.observe(guest) is Presence.OURS


def test_a_destroy_that_failed_for_a_lock_is_begun_anew(world: World) -> None:
    guest = world.reserve()
    world.make_directly(guest)
    world.pve.faults.task_error("destroy", "can't lock file '/run/lock/x' - got timeout")
    world.target.remove(guest)
    assert not world.exists(guest)


def test_a_destroy_that_fails_says_why(world: World) -> None:
    guest = world.reserve()
    world.make_directly(guest)
    world.pve.faults.task_error("destroy", "lvremove failed: volume is in use", times=None)
    with pytest.raises(StepFailed, match="volume is in use"):
        world.target.remove(guest)
    world.pve.faults.clear()
    world.target.remove(guest)
    assert not world.exists(guest)


def test_what_stands_is_listed_with_its_marker(world: World) -> None:
    mine, other = world.reserve(), world.reserve()
    world.make_directly(mine)
    world.pve.faults.occupy(other.vmid, "lxc" if world.kind == "lxc" else "qemu")
    world.pve.add_foreign(7777, "lxc" if world.kind == "lxc" else "qemu")
    found = {one.vmid: one for one in world.target.standing()}
    assert set(found) == {mine.vmid, other.vmid}
    assert found[mine.vmid].marker == mine.marker
    assert found[mine.vmid].about["repository"] == "https://x.example/a.git"
    assert found[mine.vmid].about["port"] == "8000"
    assert found[other.vmid].marker == ""
    assert found[mine.vmid].resources == mine.resources
    assert all(one.is_readable for one in found.values())
    world.pve.faults.offline(mine.node)
    found = {one.vmid: one for one in world.target.standing()}
    assert set(found) == {mine.vmid, other.vmid}
    assert (found[mine.vmid].is_readable, found[mine.vmid].marker) == (False, "")
