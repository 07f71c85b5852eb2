"""Real Terraform and the real provider make, change and remove guests of the fake cluster."""

import json
from dataclasses import replace

import pytest

from paas.domain.specs import GuestSpec, Resources
from paas.targets.contract import Presence
from paas.targets.proxmox import marker
from paas.tools.terraform import Change, TerraformFailed, check_plan
from paas.tools.terraform_state import addresses

from .conftest import Apply
from .world import Applying, World


def test_a_guest_is_made_and_planned_again_without_a_change(world: World, applying: Apply) -> None:
    made = applying()
    outputs = made.apply().outputs
    guest = made.guest
    assert outputs["address"] == guest.address
    assert (outputs["vmid"], outputs["node"]) == (guest.vmid, guest.node)
    assert made.plan().is_empty
    assert world.target.observe(guest) is Presence.OURS
    assert not world.target.differences(guest)
    expect_marker_and_firewall(world, guest)
    expect_no_secret(world, made)


def expect_marker_and_firewall(world: World, guest: GuestSpec) -> None:
    found = world.pve.on_loop(lambda: dict(world.pve.guest(guest.vmid).config))
    assert marker.read(found["description"]) == guest.marker
    assert found["tags"] == "paas;paas-0badcafe"
    assert marker.mac(guest.marker) in found["net0"]
    assert "firewall=1" in found["net0"]
    wall = world.pve.hypervisor.firewalls[guest.vmid]  # type: ignore[attr-defined]
    assert (wall.enabled, wall.policy_in, wall.policy_out) == (True, "DROP", "ACCEPT")
    assert (wall.mac_filter, wall.ip_filter) == (True, True)
    words = [(r.direction, r.action, r.source, r.destination, r.port) for r in wall.rules]
    assert words[:3] == [
        ("in", "ACCEPT", "", "", "8000"),
        ("in", "ACCEPT", "10.0.0.5", "", "22"),
        ("out", "REJECT", "", "::/0", ""),
    ]
    assert {row[1:] for row in words[3:5]} == {
        ("REJECT", "", "192.0.2.11", "8006"),
        ("REJECT", "", "192.0.2.12", "8006"),
    }
    assert words[5:] == [
        ("out", "ACCEPT", "", "10.0.0.1", "53"),
        ("out", "ACCEPT", "", "10.0.0.1", "53"),
        ("out", "REJECT", "", "10.0.0.20-10.0.0.99", ""),
    ]


def expect_no_secret(world: World, made: Applying) -> None:
    secret = world.target.site.access.token.partition("=")[2]
    written = [path for path in made.folder.rglob("*") if path.is_file()]
    assert made.state in written
    assert not [path for path in written if secret.encode() in path.read_bytes()]


def test_a_guest_changes_in_place_and_is_never_replaced(world: World, applying: Apply) -> None:
    """Sizes, settings that are for new guests only, power, a move: and then its end."""
    made = applying()
    made.apply()
    change_sizes(world, made)
    change_what_is_frozen(world, made)
    switch_off(world, made)
    follow_a_move(world, made)
    destroy(world, made)


def change_sizes(world: World, made: Applying) -> None:
    bigger = replace(made.guest, resources=Resources(2, 1024, 8, cpu_limit=1.5))
    names = {one.name for one in world.target.differences(bigger)}
    assert names == {"cores", "cpu_limit", "memory", "disk"}
    made.change(bigger)
    plan = made.plan()
    check_plan(plan, {"update"})
    made.terraform.apply()
    assert made.plan().is_empty
    assert not world.target.differences(bigger)


def change_what_is_frozen(world: World, made: Applying) -> None:
    frozen = {**made.guest.frozen, "storage": "elsewhere"}
    frozen["template"] = 9999 if world.kind == "qemu" else "local:vztmpl/newer.tar.zst"
    values = dict(world.target.values(replace(made.guest, frozen=frozen)))
    values["description"] = world.target.values(made.guest)["description"]
    values["ssh_key"] = "ssh-ed25519 AAAAother"
    (made.folder / "work" / "terraform.tfvars.json").write_text(json.dumps(values))
    assert made.plan().is_empty


def switch_off(world: World, made: Applying) -> None:
    made.change(made.guest)
    world.target.stop(made.guest)
    assert made.plan().is_empty
    assert not world.target.differences(replace(made.guest, runs=False))


def follow_a_move(world: World, made: Applying) -> None:
    world.target.start(made.guest)
    other = next(n for n in ("pve1", "pve2") if n != made.guest.node)
    world.pve.faults.move(made.guest.vmid, other)
    assert world.target.node_of(made.guest) == other
    assert [d.name for d in world.target.differences(made.guest)] == ["node"]
    before = made.state.read_bytes()
    made.state.write_bytes(world.target.moved_state(before, other))
    assert json.loads(made.state.read_bytes())["serial"] == json.loads(before)["serial"] + 1
    made.change(replace(made.guest, node=other))
    assert made.plan().is_empty
    again = made.state.read_bytes()
    assert world.target.moved_state(again, other) == again


def destroy(world: World, made: Applying) -> None:
    plan = made.plan(destroy=True)
    check_plan(plan, {"delete"})
    made.terraform.apply()
    assert not world.exists(made.guest)
    assert not world.volumes(made.guest)
    assert world.target.observe(made.guest) is Presence.ABSENT


def test_a_guest_without_a_state_is_taken_in_again(world: World, applying: Apply) -> None:
    made = applying()
    made.apply()
    made.state.unlink()
    made.terraform.take_in(world.target.imports(made.guest))
    plan = made.plan()
    check_plan(plan, {"update"})
    made.terraform.apply()
    assert made.plan().is_empty


def test_a_part_that_the_state_has_lost_is_taken_in_alone(world: World, applying: Apply) -> None:
    """A worker that was killed had made it, and could not write it down any more."""
    made = applying()
    made.apply()
    state = json.loads(made.state.read_bytes())
    lost = [row for row in state["resources"] if "firewall" in row["type"]]
    state["resources"] = [row for row in state["resources"] if row not in lost]
    state["serial"] += 1
    made.state.write_text(json.dumps(state))
    found = world.target.imports(made.guest)
    assert len(addresses(made.state.read_bytes())) == 1
    made.terraform.take_in(found, made.state.read_bytes())
    assert addresses(made.state.read_bytes()) == set(found)
    check_plan(made.plan(), {"update"})
    made.terraform.apply()
    assert made.plan().is_empty
    made.terraform.take_in(found, made.state.read_bytes())


def test_a_create_that_failed_says_why_and_leaves_nothing(world: World, applying: Apply) -> None:
    made = applying()
    task = "create" if world.kind == "lxc" else "clone"
    world.pve.faults.task_error(task, "storage 'local-lvm': No space left on device", times=None)
    with pytest.raises(TerraformFailed, match=r"No space left|create|clone"):
        made.apply()
    assert world.target.observe(made.guest) is Presence.ABSENT


def test_a_failed_start_leaves_a_tainted_guest_that_is_ours(world: World, applying: Apply) -> None:
    made = applying()
    world.pve.faults.task_error("start", "startup for guest failed", times=None)
    with pytest.raises(TerraformFailed, match="start"):
        made.apply()
    world.pve.faults.clear()
    assert world.target.observe(made.guest) is Presence.OURS
    changes = made.plan().changes
    assert any(change.action == "replace" for change in changes if isinstance(change, Change))
    world.target.remove(made.guest)
    assert not world.exists(made.guest)
    assert not world.volumes(made.guest)
