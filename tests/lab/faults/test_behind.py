"""Guests that somebody else changes, moves, stops or removes."""

from paas.domain.states import AppState
from paas.engine import reconciler
from paas.services import drift, reconcile
from tests.factories import ACTOR
from tests.lab.faults.table import Row
from tests.lab.faults.world import World


def test_guest_deleted(world: World, row: Row) -> None:
    app = world.deploy()
    world.pve.faults.remove_behind(world.guest(app).vmid)
    reconciler.reconcile(world.platform)
    app = world.app(app.id)
    row.says(app.error_message)
    assert app.state == AppState.FAILED
    assert world.redeploy(app).state == AppState.RUNNING
    assert len(world.ours()) == 1


def test_guest_moved(world: World, row: Row) -> None:
    app = world.deploy()
    vmid = world.guest(app).vmid
    world.pve.faults.move(vmid, "pve2")
    app = world.redeploy(app)
    row.says(world.log(app))
    assert app.state == AppState.RUNNING
    assert (world.guest(app).node, world.ours()) == ("pve2", {vmid})


def test_guest_moved_before_delete(world: World, row: Row) -> None:
    app = world.deploy("vm")
    world.pve.faults.move(world.guest(app).vmid, "pve2")
    app = world.delete(app)
    row.says(world.log(app))
    assert (app.state, world.ours()) == (AppState.DELETED, set())


def test_guest_changed(world: World, row: Row) -> None:
    app = world.deploy()
    vmid = world.guest(app).vmid
    world.pve.faults.change_behind(vmid, memory=999, cores=2)
    seen = drift.examine(world.platform, ACTOR, app.id).differences
    row.says("; ".join(f"{one.name}: wanted {one.wanted}, found {one.found}" for one in seen))
    app = world.go(drift.repair(world.platform, ACTOR, app.id))
    assert (app.state, app.error_message) == (AppState.RUNNING, None)
    assert world.present()[vmid].config["memory"] == 256


def test_guest_stopped(world: World, row: Row) -> None:
    app = world.deploy()
    vmid = world.guest(app).vmid
    world.pve.faults.stop_behind(vmid)
    seen = drift.examine(world.platform, ACTOR, app.id).differences
    row.says("; ".join(f"{one.name}: wanted {one.wanted}, found {one.found}" for one in seen))
    app = world.redeploy(app)
    assert app.state == AppState.RUNNING
    assert world.present()[vmid].status == "running"


def test_row_missing(world: World, row: Row) -> None:
    backup = world.back_up()
    app = world.deploy()
    vmid = world.guest(app).vmid
    world.restore(backup)
    reconciler.reconcile(world.platform)
    found = [one for one in reconcile.report(world.platform, ACTOR) if one.kind == "unknown"]
    row.says(" ".join(f"{one.says} {one.mend}" for one in found))
    assert world.ours() == {vmid}
    adopted = reconcile.adopt(world.platform, ACTOR, vmid)
    assert world.redeploy(adopted).state == AppState.RUNNING
    assert world.ours() == {vmid}
