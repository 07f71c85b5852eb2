"""What the nodes say of themselves, each minute; nodes that were drained are let go."""

from collections.abc import Iterator
from typing import Any

import structlog
from sqlalchemy.orm import Session

from paas.domain.errors import PaasError
from paas.domain.nodes import NodeState
from paas.engine.endpoints import vouch
from paas.engine.platform import Platform
from paas.store import endpoints, nodes
from paas.store.commerce import Node
from paas.targets.contract import Machine, Target

log = structlog.get_logger(__name__)


def beat(platform: Platform) -> None:
    """One round over all endpoints; what cannot be reached is left as it was seen last."""
    for target in places(platform):
        try:
            meet(platform, target)
        except PaasError as error:
            log.warning("an endpoint's nodes are not seen", at=target.endpoint, error=error.message)
    let_go(platform)


def places(platform: Platform) -> Iterator[Target]:
    """One target of each endpoint that new guests may go to."""
    seen = set()
    for target in platform.everywhere():
        is_local = target.endpoint == "local"
        if target.endpoint in seen or is_local != (platform.settings.target == "local"):
            continue
        seen.add(target.endpoint)
        yield target


def meet(platform: Platform, target: Target) -> tuple[Machine, ...]:
    """Look at the nodes of an endpoint, and keep what they show."""
    vouch(platform, target)
    machines = tuple(target.machines())
    with platform.store.write() as session:
        nodes.meet(session, target.endpoint, machines, {m.name: figures(m) for m in machines})
    return machines


def figures(machine: Machine) -> dict[str, Any]:
    """What is kept of a machine between two looks."""
    return {
        "online": machine.is_online,
        "cores": machine.cores,
        "cores_used": round(machine.cores_used, 2),
        "memory": machine.memory,
        "memory_used": machine.memory_used,
        "guests": machine.guests,
    }


def let_go(platform: Platform) -> None:
    """Remove the draining nodes that have no guest of ours any more."""
    with platform.store.write() as session:
        nodes.hold_places(session)
        counts = nodes.counted(session)
        for one in nodes.listed(session):
            if one.state == NodeState.DRAINING and not counts.get((one.endpoint, one.name)):
                remove(session, one)
                log.info("a drained node is removed", node=one.name, endpoint=one.endpoint)


def remove(session: Session, node: Node) -> None:
    """Take a node off the list; with an added endpoint's last one, its token is forgotten."""
    node.state = NodeState.REMOVED
    session.flush()
    if all(one.state == NodeState.REMOVED for one in nodes.of(session, node.endpoint)):
        endpoints.forget_access(session, node.endpoint)
