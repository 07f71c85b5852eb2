"""Nodes: what is shown of them, and how they come and go. The clusters are fakes without guests."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from paas.domain.errors import Conflict, Forbidden, Invalid, NotFound, StepFailed, Unreachable
from paas.domain.nodes import WorkerSpec
from paas.engine import heartbeat
from paas.engine.elsewhere import Elsewhere
from paas.engine.platform import Platform
from paas.services import nodes
from paas.settings import Settings
from paas.store import guests, setup
from paas.store import nodes as rows
from paas.store.base import utcnow
from paas.store.commerce import Node
from paas.store.models import Endpoint
from paas.store.people import AuditEntry
from paas.targets import build_elsewhere, build_targets, make_context
from paas.targets.contract import Place
from paas.tools.proxmox import Access
from tests.factories import ACTOR, app_row, wanted
from tests.lab.pve import LabPve
from tests.tools.proxmox import LXC_TEMPLATE, SITE, cluster

NOBODY = dataclasses.replace(ACTOR, permissions=frozenset())


@pytest.fixture(scope="module")
def own() -> Iterator[tuple[LabPve, Access]]:
    with cluster() as made:
        yield made


@pytest.fixture(scope="module")
def another() -> Iterator[tuple[LabPve, Access]]:
    """A host that calls itself otherwise."""
    with cluster() as made:
        made[0].cluster_name = "another"
        yield made


@pytest.fixture
def local(bare: Platform) -> Platform:
    return _with_targets(bare, bare.settings)


@pytest.fixture
def connected(bare: Platform, own: tuple[LabPve, Access]) -> Iterator[Platform]:
    pve, access = own
    settings = dataclasses.replace(
        bare.settings,
        target="proxmox",
        proxmox_url=access.url,
        proxmox_token=access.token,
        proxmox_ca_file=access.ca_file,
        proxmox_lxc_template=LXC_TEMPLATE,
        proxmox_vm_template=SITE.vm_template,
        proxmox_addresses="10.0.0.20-10.0.0.99/24,gw=10.0.0.1",
    )
    (settings.instance / "run").mkdir(exist_ok=True)
    yield _with_targets(bare, settings)
    pve.faults.clear()


def _with_targets(bare: Platform, settings: Settings) -> Platform:
    key = setup.ssh_key(bare.store)
    context = make_context(settings, bare.installation, bare.catalogue, {}, ssh_key=key)
    targets = build_targets(context)
    elsewhere = Elsewhere(bare.store, partial(build_elsewhere, context))
    return dataclasses.replace(bare, settings=settings, targets=targets, elsewhere=elsewhere)


def names(platform: Platform) -> list[str]:
    return [one.name for one in nodes.listing(platform, ACTOR)]


def place_guest(platform: Platform, endpoint: str, node: str) -> int:
    with platform.store.write() as session:
        app = app_row(session, environment=platform.store.vault.seal_map({}))
        vmid = guests.next_vmid(session, endpoint)
        place = Place(endpoint, node, f"10.9.{app.id // 200}.{app.id % 200 + 1}")
        return guests.reserve(session, app, "proxmox_lxc", place, vmid).id


def leave(platform: Platform, guest_id: int) -> None:
    with platform.store.write() as session:
        guests.mark_gone(session, guest_id)


def audited(platform: Platform) -> list[str]:
    with platform.store.read() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def test_on_target_local_the_host_is_the_one_node(local: Platform) -> None:
    (host,) = nodes.listing(local, ACTOR)
    assert host.status == "active"
    assert host.cpu.total >= 1
    assert host.cpu.available == pytest.approx(host.cpu.total - host.cpu.used)
    assert host.ram.total > host.ram.used > 0
    assert host.guests == 0
    assert host.seen_at is not None
    swarm = nodes.swarm_init(local, ACTOR)
    assert (swarm.message, swarm.manager_ip) == ("Swarm initialized", host.address)
    with pytest.raises(Conflict, match="PAAS_TARGET=local"):
        nodes.add(local, ACTOR, WorkerSpec("worker-2", "192.0.2.1", api_token="x"))


def test_a_host_that_was_removed_takes_nothing_until_it_is_added_again(local: Platform) -> None:
    (host,) = nodes.listing(local, ACTOR)
    assert nodes.remove(local, ACTOR, host.id).guests == 0
    with local.store.read() as session:
        without = rows.closed(session)["local"]
    with pytest.raises(StepFailed, match="takes no new apps"):
        local.targets["local"].place(dataclasses.replace(wanted(0), without=without), [], None)
    heartbeat.beat(local)
    assert nodes.add(local, ACTOR, WorkerSpec(host.name)).node.id == host.id
    assert audited(local) == ["node.remove", "node.add"]


def test_a_clusters_nodes_register_themselves(
    connected: Platform, own: tuple[LabPve, Access]
) -> None:
    heartbeat.beat(connected)
    first, second = nodes.listing(connected, ACTOR)
    assert (first.name, second.name, first.endpoint) == ("pve1", "pve2", "proxmox")
    assert first.cpu.total > 0
    assert first.ram.total > 0
    assert {first.status, second.status} == {"active"}
    own[0].faults.offline("pve2")
    heartbeat.beat(connected)
    assert [one.status for one in nodes.listing(connected, ACTOR)] == ["active", "offline"]
    with connected.store.write() as session:
        row = session.scalars(select(Node).where(Node.name == "pve1")).one()
        row.seen_at = utcnow() - timedelta(minutes=5)
    assert [one.status for one in nodes.listing(connected, ACTOR)] == ["offline", "offline"]


def test_a_cluster_that_is_away_leaves_what_was_seen(
    connected: Platform, own: tuple[LabPve, Access]
) -> None:
    heartbeat.beat(connected)
    before = nodes.listing(connected, ACTOR)
    own[0].faults.unreachable()
    heartbeat.beat(connected)
    assert nodes.listing(connected, ACTOR) == before


def test_nodes_that_the_settings_leave_out_are_none(connected: Platform) -> None:
    settings = dataclasses.replace(connected.settings, proxmox_nodes=("pve1",))
    narrow = _with_targets(connected, settings)
    assert names(narrow) == ["pve1"]


def test_the_swarm_is_the_cluster(connected: Platform, own: tuple[LabPve, Access]) -> None:
    host = own[1].host
    for _ in range(2):
        assert nodes.swarm_init(connected, ACTOR).manager_ip == host
    assert names(connected) == ["pve1", "pve2"]
    assert audited(connected) == ["swarm.init", "swarm.init"]


def test_a_swarm_without_rights_is_not_connected(
    connected: Platform, own: tuple[LabPve, Access]
) -> None:
    own[0].withdraw("/pool/paas", SITE.user)
    try:
        with pytest.raises(Conflict, match=r"lacks .* on /pool/paas.*pveum acl modify"):
            nodes.swarm_init(connected, ACTOR)
    finally:
        own[0].grant("/pool/paas", SITE.user, "PaaSOperator")
    assert audited(connected) == []


def test_a_node_with_guests_is_drained_and_goes_with_the_last(connected: Platform) -> None:
    heartbeat.beat(connected)
    node = nodes.listing(connected, ACTOR)[0]
    guest = place_guest(connected, "proxmox", "pve1")
    told = nodes.remove(connected, ACTOR, node.id)
    assert told.guests == 1
    assert told.message.startswith("Worker pve1 is draining: 1 guest left.")
    heartbeat.beat(connected)
    shown = nodes.listing(connected, ACTOR)[0]
    assert (shown.status, shown.ours) == ("draining", 1)
    assert nodes.remove(connected, ACTOR, node.id).guests == 1
    leave(connected, guest)
    heartbeat.beat(connected)
    assert names(connected) == ["pve2"]
    heartbeat.beat(connected)
    assert names(connected) == ["pve2"]
    with pytest.raises(NotFound):
        nodes.remove(connected, ACTOR, node.id)
    assert nodes.add(connected, ACTOR, WorkerSpec("pve1")).node.status == "active"
    assert names(connected) == ["pve1", "pve2"]


def test_a_member_is_added_by_its_name(connected: Platform) -> None:
    assert nodes.add(connected, ACTOR, WorkerSpec("pve2")).node.name == "pve2"
    with pytest.raises(Conflict, match=r"The node pve2 is at 192.0.2.12, not at 192.0.2.99"):
        nodes.add(connected, ACTOR, WorkerSpec("pve2", "192.0.2.99"))
    with pytest.raises(Invalid, match="No known cluster has a node pve9"):
        nodes.add(connected, ACTOR, WorkerSpec("pve9", "192.0.2.99"))


def own_host(another: tuple[LabPve, Access], **changes: object) -> WorkerSpec:
    _, access = another
    base = WorkerSpec(
        "worker-2", access.host, api_token=access.token, ca=Path(access.ca_file).read_text()
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def test_a_host_of_its_own_is_reached_without_a_restart(
    connected: Platform, another: tuple[LabPve, Access]
) -> None:
    sibling = dataclasses.replace(connected)
    added = nodes.add(connected, ACTOR, own_host(another))
    assert added.node.endpoint == "worker-2"
    assert names(connected) == ["pve1", "pve2", "worker-2/pve1", "worker-2/pve2"]
    found = sibling.target("proxmox_lxc", "worker-2")
    assert found is connected.target("proxmox_lxc", "worker-2")
    assert found.identity() == "cluster another"
    assert [one.endpoint for one in sibling.targets_for("lxc")] == ["proxmox", "worker-2"]
    with connected.store.read() as session:
        row = session.scalars(select(Endpoint).where(Endpoint.name == "worker-2")).one()
    secret = another[1].token.partition("=")[2].encode()
    assert row.access is not None
    assert secret not in row.access
    heartbeat.beat(connected)
    assert {one.status for one in nodes.listing(connected, ACTOR)} == {"active"}
    again = nodes.add(connected, ACTOR, own_host(another))
    assert again.node.id == added.node.id


def test_the_token_of_a_host_is_forgotten_with_its_last_node(
    connected: Platform, another: tuple[LabPve, Access]
) -> None:
    nodes.add(connected, ACTOR, own_host(another))
    for one in nodes.listing(connected, ACTOR):
        if one.endpoint == "worker-2":
            nodes.remove(connected, ACTOR, one.id)
    assert names(connected) == ["pve1", "pve2"]
    assert connected.elsewhere() == ()
    with pytest.raises(Unreachable, match="worker-2 cannot be reached: it was removed"):
        connected.target("proxmox_lxc", "worker-2")
    nodes.add(connected, ACTOR, own_host(another))
    assert len(nodes.listing(connected, ACTOR)) == 4


def test_a_host_is_known_for_sure_or_not_added(
    connected: Platform, another: tuple[LabPve, Access], own: tuple[LabPve, Access]
) -> None:
    for changes, sentence in (
        ({"ca": ""}, "Give it or ca"),
        ({"ca": "x"}, "Invalid ca"),
        ({"ca": "", "fingerprint": "12"}, "Invalid fingerprint"),
        ({"api_token": "x"}, "Invalid api_token"),
        ({"ip_address": "host.example"}, "Invalid ip_address"),
        ({"name": "proxmox"}, "Invalid name"),
        ({"auto_provision": True}, "Invalid ssh_key"),
        ({"auto_provision": True, "ssh_key": "x"}, "The SSH key cannot be read"),
    ):
        with pytest.raises(Invalid, match=sentence):
            nodes.add(connected, ACTOR, own_host(another, **changes))
    with pytest.raises(Unreachable):
        nodes.add(connected, ACTOR, own_host(another, ca="", fingerprint="00" * 32))
    with pytest.raises(Conflict, match="is cluster fakecluster, which is known as proxmox"):
        nodes.add(connected, ACTOR, own_host(own))
    another[0].withdraw("/pool/paas", SITE.user)
    try:
        with pytest.raises(Conflict, match=r"lacks .* on /pool/paas"):
            nodes.add(connected, ACTOR, own_host(another))
    finally:
        another[0].grant("/pool/paas", SITE.user, "PaaSOperator")
    assert connected.elsewhere() == ()


def test_only_administrators_may(connected: Platform) -> None:
    for call in (
        lambda: nodes.listing(connected, NOBODY),
        lambda: nodes.add(connected, NOBODY, WorkerSpec("pve1")),
        lambda: nodes.remove(connected, NOBODY, "x"),
        lambda: nodes.swarm_init(connected, NOBODY),
    ):
        with pytest.raises(Forbidden):
            call()
