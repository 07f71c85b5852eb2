"""Nodes: the machines that guests live on, seen, added, drained, removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from paas.domain.errors import Conflict, NotFound, PaasError
from paas.domain.nodes import OFFLINE, Added, NodeState, NodeView, Room, WorkerSpec
from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.engine import heartbeat
from paas.engine.platform import Platform
from paas.services import node_endpoints, proxmox_doctor
from paas.services.allowed import needs
from paas.store import audit, nodes
from paas.store.base import utcnow
from paas.store.commerce import Node
from paas.targets.contract import Machine

# Three looks in a row that saw nothing of it.
STALE = timedelta(seconds=200)
# What of doctor's findings keeps a cluster from being used at all.
NEEDED = ("proxmox token", "proxmox right", "proxmox cluster")


@dataclass(frozen=True)
class Leaving:
    """A node that was told to go: with ``guests`` left it is drained, without it is gone."""

    message: str
    guests: int


@dataclass(frozen=True)
class Swarm:
    """The cluster that the platform is connected to, by the node that it is reached at."""

    message: str
    manager_ip: str


@needs(Permission.ADMIN_READ)
def listing(platform: Platform, actor: Actor) -> tuple[NodeView, ...]:
    """The nodes with the figures of the last look, which is a minute old at most."""
    del actor
    with platform.store.read() as session:
        found = views(session)
    if found:
        return found
    # Before the first look of the sweeper nobody knows any.
    heartbeat.beat(platform)
    with platform.store.read() as session:
        return views(session)


@needs(Permission.ADMIN_WRITE)
def add(platform: Platform, actor: Actor, spec: WorkerSpec) -> Added:
    """Let guests be made on a node: one of a known cluster, or a host that is not known yet.

    Raises ``Invalid``, ``Conflict``, and what reaching the host raises.
    """
    member = _member(platform, spec) or _member(platform, spec, look=True)
    if member is not None and not node_endpoints.is_own(member, spec):
        return _activate(platform, actor, member)
    notes = node_endpoints.connect(platform, actor, spec)
    with platform.store.read() as session:
        new = next(one for one in views(session) if one.endpoint == spec.name)
    return Added(new, notes)


def _member(platform: Platform, spec: WorkerSpec, *, look: bool = False) -> Node | None:
    """The row of a node that can be reached; ``look`` asks the clusters for new ones before."""
    known = set()
    for target in heartbeat.places(platform):
        known.add(target.endpoint)
        if look:
            _look(platform, target.endpoint)
    with platform.store.read() as session:
        rows = [row for endpoint in sorted(known) for row in nodes.of(session, endpoint)]
    named = [row for row in rows if spec.name in (row.name, shown_name(row, rows))]
    fitting = [row for row in named if spec.ip_address in ("", row.address)]
    if named and not fitting and not node_endpoints.brings_a_way(spec):
        raise Conflict(
            f"The node {spec.name} is at {named[0].address}, not at {spec.ip_address}. Leave "
            "ip_address out, or give api_token or auto_provision for a host of its own"
        )
    return fitting[0] if fitting else None


def _look(platform: Platform, endpoint: str) -> None:
    for target in heartbeat.places(platform):
        if target.endpoint == endpoint:
            try:
                heartbeat.meet(platform, target)
            except PaasError:
                # Another cluster may know the node; this one is as it was seen last.
                return


def _activate(platform: Platform, actor: Actor, member: Node) -> Added:
    with platform.store.write() as session:
        nodes.set_state(session, member.id, NodeState.ACTIVE)
        audit.record(
            session, actor, "node.add", "node", member.uuid,
            name=member.name, endpoint=member.endpoint,
        )  # fmt: skip
        session.flush()
        return Added(next(one for one in views(session) if one.id == member.uuid))


@needs(Permission.ADMIN_WRITE)
def remove(platform: Platform, actor: Actor, node_id: str) -> Leaving:
    """Take no new guests on a node, and let it go when none of ours is on it any more.

    While some are, it is drained: they leave by redeploys, scaling or a migration, and the node
    goes with the last of them. Raises ``NotFound``.
    """
    with platform.store.write() as session:
        node = nodes.by_uuid(session, node_id)
        if node is None:
            raise NotFound("Worker not found")
        nodes.hold_places(session)
        left = nodes.guests_on(session, node.endpoint, node.name)
        name = next(one.name for one in views(session) if one.id == node.uuid)
        if left:
            node.state = NodeState.DRAINING
        else:
            heartbeat.remove(session, node)
        audit.record(
            session, actor, "node.drain" if left else "node.remove", "node", node.uuid,
            name=node.name, endpoint=node.endpoint, guests=left,
        )  # fmt: skip
    if not left:
        return Leaving(f"Worker {name} is removed", 0)
    guests = "1 guest" if left == 1 else f"{left} guests"
    return Leaving(
        f"Worker {name} is draining: {guests} left. It takes no new ones, and is removed when "
        "the last has left",
        left,
    )


@needs(Permission.ADMIN_WRITE)
def swarm_init(platform: Platform, actor: Actor) -> Swarm:
    """Connect the settings' cluster: check it as doctor does, and register its nodes.

    Safe to repeat. Raises ``Conflict`` with what is missing, each with what mends it.
    """
    _expect_ready(platform)
    own = next(heartbeat.places(platform))
    machines = heartbeat.meet(platform, own)
    manager = _leading(machines)
    with platform.store.write() as session:
        names = [one.name for one in machines]
        audit.record(session, actor, "swarm.init", "endpoint", own.endpoint, nodes=names)
    return Swarm("Swarm initialized", manager)


def _expect_ready(platform: Platform) -> None:
    findings = [one for one in proxmox_doctor.examine(platform.settings) if not one.ok]
    missing = [one for one in findings if one.name == "proxmox" or one.name.startswith(NEEDED)]
    if missing:
        told = " ".join(f"{one.says} {one.mend}".strip() for one in missing)
        raise Conflict(f"The cluster cannot be connected. {told}")


def _leading(machines: Sequence[Machine]) -> str:
    """The address of the node that the endpoint's URL leads to."""
    leading = [one.address for one in machines if one.leads and one.address]
    return next(iter([*leading, *(one.address for one in machines if one.address)]), "")


def views(session: Session) -> tuple[NodeView, ...]:
    """All nodes that are not removed."""
    rows, counts = nodes.listed(session), nodes.counted(session)
    return tuple(_view(row, rows, counts.get((row.endpoint, row.name), 0)) for row in rows)


def _view(row: Node, rows: Sequence[Node], ours: int) -> NodeView:
    figures = row.figures
    return NodeView(
        id=row.uuid,
        name=shown_name(row, rows),
        endpoint=row.endpoint,
        address=row.address,
        status=status_of(row),
        cpu=Room(figures.get("cores", 0), figures.get("cores_used", 0.0)),
        ram=Room(figures.get("memory", 0), figures.get("memory_used", 0)),
        guests=figures.get("guests", 0),
        ours=ours,
        seen_at=row.seen_at,
    )


def shown_name(row: Node, rows: Sequence[Node]) -> str:
    """A node of the settings' cluster by its own name, a host of its own by the name that it was
    added with: hosts are often all called ``pve``."""
    if row.endpoint in node_endpoints.RESERVED:
        return row.name
    siblings = [one for one in rows if one.endpoint == row.endpoint]
    return row.endpoint if len(siblings) == 1 else f"{row.endpoint}/{row.name}"


def status_of(row: Node) -> str:
    """What the row says, or that the node is not seen any more."""
    if row.state != NodeState.ACTIVE:
        return row.state
    is_seen = row.seen_at is not None and utcnow() - row.seen_at < STALE
    return NodeState.ACTIVE if is_seen and row.figures.get("online") else OFFLINE
