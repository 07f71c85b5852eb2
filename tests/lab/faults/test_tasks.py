"""Tasks of Proxmox that fail, hang or die."""

import pytest

from paas.domain.states import AppState
from tests.lab.faults.table import Row
from tests.lab.faults.world import World

LOCK = "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout"


def test_lock_timeout(world: World, row: Row) -> None:
    world.pve.faults.task_error("clone", LOCK)
    app = world.deploy("vm")
    row.says(world.log(app))
    assert app.state == AppState.RUNNING


def test_create_fails(world: World, row: Row) -> None:
    world.pve.faults.task_error("create", "command 'lvcreate' failed: exit code 5", times=None)
    app = world.settle(world.deploy())
    row.says(app.error_message)
    assert (app.state, world.ours()) == (AppState.FAILED, set())


def test_clone_fails(world: World, row: Row) -> None:
    world.pve.faults.task_error("clone", "command 'lvcreate' failed: exit code 5", times=None)
    app = world.settle(world.deploy("vm"))
    row.says(app.error_message)
    assert (app.state, world.ours()) == (AppState.FAILED, set())


def test_start_fails(world: World, row: Row) -> None:
    world.pve.faults.task_error("start", "startup for container '100000' failed", times=None)
    app = world.settle(world.deploy())
    row.says(app.error_message)
    assert (app.state, world.ours()) == (AppState.FAILED, set())


@pytest.mark.parametrize("kind", ["lxc", "vm"])
def test_destroy_fails(world: World, row: Row, kind: str) -> None:
    app = world.deploy(kind)
    world.pve.faults.task_error("destroy", "lvremove failed: exit code 5", times=None)
    app = world.delete(app)
    row.says(app.error_message)
    assert world.ours() == world.standing() != set()
    world.pve.faults.clear()
    assert world.settle(app).state == AppState.DELETED
    assert world.ours() == set()


def test_create_killed(world: World, row: Row) -> None:
    def kill(_: object) -> None:
        world.pve.faults.kill_task("create")

    world.pve.faults.task_hang("create")
    world.pve.faults.on_request("/nodes/*/tasks/*/status", kill)
    app = world.deploy()
    row.says(app.error_message)
    assert world.active(app)
    world.obey(app)
    assert (world.settle(app).state, world.ours()) == (AppState.FAILED, set())


def test_lock_left_behind(world: World, row: Row) -> None:
    app = world.deploy()
    world.pve.faults.lock(world.guest(app).vmid)
    app = world.delete(app)
    row.says(app.error_message)
    assert world.ours() == world.standing() != set()
    world.obey(app)
    assert world.settle(app).state == AppState.DELETED
    assert world.ours() == set()
