"""The cluster is away, slow, or loses what it is asked."""

import pytest

from paas.domain.states import AppState
from tests.lab.faults.conftest import Open
from tests.lab.faults.table import Row
from tests.lab.faults.world import World

EVERYTHING = "/*"


def test_cluster_away(world: World, row: Row) -> None:
    world.pve.faults.unreachable()
    app = world.deploy()
    row.says(app.error_message)
    assert world.active(app)
    world.pve.faults.reachable()
    assert world.settle(app).state == AppState.RUNNING


def test_certificate_changed(opening: Open, row: Row) -> None:
    world = opening(proxmox_ca_file="", proxmox_fingerprint="ab" * 32)
    app = world.deploy()
    row.says(app.error_message)
    assert world.active(app)
    world.check()


def test_other_cluster(world: World, row: Row) -> None:
    app = world.deploy()
    world.pve.on_loop(lambda: setattr(world.pve, "cluster_name", "elsewhere"))
    world.delete(app)
    row.says(world.app(app.id).error_message)
    assert world.active(app)
    assert world.ours() == world.standing() != set()


def test_node_unreachable(world: World, row: Row) -> None:
    world.pve.faults.fail("POST", "/nodes/*/lxc", 595, "No route to host", times=None)
    app = world.deploy()
    row.says(app.error_message)
    world.pve.faults.clear()
    assert world.settle(app).state == AppState.RUNNING


def test_lost_quorum(world: World, row: Row) -> None:
    world.pve.faults.no_quorum()
    app = world.deploy()
    row.says(app.error_message)
    world.pve.faults.quorum()
    assert world.settle(app).state == AppState.RUNNING


def test_slow_network(world: World, row: Row) -> None:
    world.pve.faults.slow(EVERYTHING, 0.05, times=None)
    app = world.deploy()
    assert app.state == AppState.RUNNING
    row.says(world.log(app))


def test_silent_network(opening: Open, row: Row) -> None:
    world = opening(proxmox_timeout=1)
    world.pve.faults.slow(EVERYTHING, 3, times=2)
    app = world.deploy()
    row.says(app.error_message)
    world.check()
    world.pve.faults.clear()
    assert world.settle(app).state == AppState.RUNNING
    world.check()


def test_flaky_network(world: World, row: Row) -> None:
    world.pve.faults.flaky(1, 0.05)
    app = world.settle(world.deploy())
    world.pve.faults.clear()
    assert app.state == AppState.RUNNING
    row.says(world.log(app))


@pytest.mark.parametrize(("kind", "path"), [("lxc", "/nodes/*/lxc"), ("vm", "/nodes/*/clone")])
def test_answer_lost(world: World, row: Row, kind: str, path: str) -> None:
    world.pve.faults.drop(path, method="POST", lose_answer=True)
    app = world.settle(world.deploy(kind))
    row.says(world.log(app))
    assert app.state == AppState.RUNNING
    assert len(world.ours()) == 1


def test_delete_while_away(world: World, row: Row) -> None:
    app = world.deploy()
    world.pve.faults.unreachable()
    app = world.delete(app)
    row.says(app.error_message)
    assert app.state != AppState.DELETED
    world.pve.faults.reachable()
    assert world.settle(app).state == AppState.DELETED
    assert world.ours() == set()
