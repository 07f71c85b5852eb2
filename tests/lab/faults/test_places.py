"""There is no place for a guest, or somebody else has it."""

from paas.domain.states import AppState
from tests.lab.faults.conftest import Open
from tests.lab.faults.table import Row
from tests.lab.faults.world import World


def test_node_offline(world: World, row: Row) -> None:
    world.pve.faults.offline("pve1")
    app = world.deploy()
    assert app.state == AppState.RUNNING
    row.says(world.log(app))


def test_nodes_offline(opening: Open, row: Row) -> None:
    world = opening(proxmox_nodes=("pve2",))
    world.pve.faults.offline("pve2")
    app = world.deploy()
    row.says(app.error_message)
    world.check()
    world.pve.faults.clear()
    assert world.settle(app).state == AppState.RUNNING
    world.check()


def test_node_lost(world: World, row: Row) -> None:
    world.pve.faults.task_hang("create")
    world.pve.faults.on_request("/nodes/*/tasks/*", lambda _: world.pve.faults.offline("pve1"))
    app = world.deploy()
    row.says(app.error_message)
    world.pve.faults.clear()
    assert world.settle(app).state == AppState.RUNNING
    assert len(world.ours()) == 1


def test_cluster_full(world: World, row: Row) -> None:
    for node in ("pve1", "pve2"):
        world.pve.set_capacity(node, memory=1024, memory_used=1000)
    app = world.deploy()
    row.says(app.error_message)
    assert (app.state, world.ours()) == (AppState.FAILED, set())


def test_storage_full(world: World, row: Row) -> None:
    world.pve.faults.storage_full("local-lvm")
    app = world.deploy()
    row.says(app.error_message)
    assert (app.state, world.ours()) == (AppState.FAILED, set())


def test_template_missing(opening: Open, row: Row) -> None:
    world = opening(proxmox_lxc_template="local:vztmpl/nosuch.tar.zst")
    app = world.deploy()
    row.says(app.error_message)
    world.check()
    assert (app.state, world.ours()) == (AppState.FAILED, set())


def test_vm_template_missing(opening: Open, row: Row) -> None:
    world = opening(proxmox_vm_template=9999)
    app = world.deploy("vm")
    row.says(app.error_message)
    world.check()
    assert (app.state, world.ours()) == (AppState.FAILED, set())


def test_address_in_use(world: World, row: Row) -> None:
    world.neighbours.add("192.0.2.20")
    app = world.deploy()
    row.says(world.log(app))
    assert app.state == AppState.RUNNING
    assert world.guest(app).address != "192.0.2.20"


def test_addresses_exhausted(opening: Open, row: Row) -> None:
    world = opening(proxmox_addresses="192.0.2.20-192.0.2.20/24")
    world.pve.faults.no_quorum()
    first = world.deploy()
    assert world.guest(first).address == "192.0.2.20"
    app = world.deploy()
    row.says(app.error_message)
    world.check()
    assert (app.state, world.ours()) == (AppState.FAILED, set())


def test_network_unknown(opening: Open, row: Row) -> None:
    world = opening(proxmox_addresses="dhcp")
    world.pve.networks.clear()
    app = world.deploy()
    row.says(app.error_message)
    world.check()
    assert (app.state, world.ours(), world.standing()) == (AppState.FAILED, set(), set())


def test_vmid_taken(world: World, row: Row) -> None:
    world.pve.add_foreign(100_000)
    world.adopt_stranger(100_000, pooled=True)
    app = world.deploy()
    row.says(world.log(app))
    assert (app.state, world.ours()) == (AppState.RUNNING, {100_001})


def test_vmid_taken_in_between(world: World, row: Row) -> None:
    def occupy(_: object) -> None:
        world.pve.faults.occupy(100_000)
        world.adopt_stranger(100_000)

    world.pve.faults.on_request("/nodes/*/lxc", occupy, method="POST")
    app = world.settle(world.deploy())
    row.says(world.log(app))
    assert (app.state, world.ours()) == (AppState.RUNNING, {100_001})


def test_vmid_taken_after_loss(world: World, row: Row) -> None:
    app = world.deploy()
    vmid = world.guest(app).vmid
    world.pve.faults.remove_behind(vmid)
    world.pve.faults.occupy(vmid)
    world.adopt_stranger(vmid, pooled=True)
    app = world.settle(world.redeploy(app))
    row.says(world.log(app))
    assert app.state == AppState.RUNNING
    assert world.delete(app).state == AppState.DELETED
    assert world.ours() == set()
