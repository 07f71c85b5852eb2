"""The token is not what it should be."""

import pytest

from paas.domain.states import AppState
from paas.services import drift
from tests.factories import ACTOR
from tests.lab.faults.conftest import Open
from tests.lab.faults.table import Row
from tests.lab.faults.world import World


def test_token_unknown(opening: Open, row: Row) -> None:
    world = opening(proxmox_token="paas@pve!platform=11111111-2222-3333-4444-555555555555")
    app = world.deploy()
    row.says(app.error_message)
    assert app.state == AppState.FAILED
    world.check()
    assert world.ours() == set()


def test_token_revoked(world: World, row: Row) -> None:
    token = world.target().site.access.token
    world.pve.faults.on_request(
        "/nodes/*/lxc", lambda _: world.pve.faults.revoke(token), method="POST"
    )
    app = world.deploy()
    row.says(app.error_message)
    assert world.active(app)
    world.pve.faults.clear()
    assert (world.settle(app).state, world.ours()) == (AppState.FAILED, set())


@pytest.mark.parametrize(
    ("kind", "privilege"),
    [
        ("lxc", "VM.Allocate"),
        ("lxc", "VM.Config.Disk"),
        ("lxc", "VM.Config.Network"),
        ("lxc", "Datastore.AllocateSpace"),
        ("lxc", "SDN.Use"),
        ("vm", "VM.Clone"),
        ("vm", "VM.PowerMgmt"),
    ],
)
def test_privilege_missing(world: World, row: Row, kind: str, privilege: str) -> None:
    world.withhold(privilege)
    app = world.deploy(kind)
    told = app.error_message
    row.says(told)
    assert privilege in str(told)
    world.grant_again()
    assert (world.settle(app).state, world.ours()) == (AppState.FAILED, set())


def test_privilege_missing_to_alter(world: World, row: Row) -> None:
    app = world.deploy()
    vmid = world.guest(app).vmid
    world.pve.faults.change_behind(vmid, memory=999)
    world.withhold("VM.Config.Memory")
    app = world.go(drift.repair(world.platform, ACTOR, app.id))
    row.says(app.error_message)
    assert (app.state, world.active(app)) == (AppState.RUNNING, None)
    assert world.present()[vmid].config["memory"] == 999


def test_privilege_missing_to_remove(world: World, row: Row) -> None:
    app = world.deploy()
    world.withhold("VM.PowerMgmt")
    app = world.delete(app)
    row.says(app.error_message)
    assert world.ours() == world.standing() != set()
    world.grant_again()
    assert world.settle(app).state == AppState.DELETED
    assert world.ours() == set()
