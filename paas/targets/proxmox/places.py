"""Choosing a node and an address, from the survey and the reservations alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paas.domain.errors import StepFailed, Unreachable
from paas.domain.specs import Resources
from paas.targets.contract import Place, Reserved, Wanted
from paas.targets.proxmox import modules
from paas.targets.proxmox.site import ENDPOINT, Site
from paas.targets.proxmox.survey import OFFLINE, NodeRoom, Survey

# Guests seldom compute at the same time, so a node's processors are promised this many times.
CORES_PROMISED = 4
HAS_ONLY = "has only"


@dataclass(frozen=True)
class Free:
    """What a node has left to promise: processors, memory in MB, disk in GB."""

    cores: int
    memory: int
    disk: int


def choose(
    site: Site, kind: str, wanted: Wanted, reserved: Sequence[Reserved], survey: Survey
) -> Place:
    """The node with the most free memory that has room for what the guest will really get.

    Raises ``StepFailed`` that says why none has, or ``Unreachable`` when all are offline.
    Pure: it looks at nothing but its arguments.
    """
    ours = [one for one in reserved if one.endpoint == ENDPOINT]
    given = modules.sizes(kind, wanted.resources, survey.template["frozen"])
    fitting: list[tuple[int, str]] = []
    refused: dict[str, str] = {}
    for room in survey.nodes:
        reason = room.reason or _without_template(room, survey)
        if not reason:
            left = free(room, ours, survey)
            reason = _lacks(room, left, given, site.storage)
            fitting += [] if reason else [(-left.memory, room.name)]
        refused |= {room.name: reason} if reason else {}
    if not fitting:
        raise _nowhere(given, refused)
    address = _address(site, wanted, ours)
    more = given if given != wanted.resources else None
    return Place(ENDPOINT, min(fitting)[1], address, _frozen(site, survey), more)


def _nowhere(wanted: Resources, refused: Mapping[str, str]) -> StepFailed | Unreachable:
    told = "; ".join(f"{name} {reason}" for name, reason in refused.items())
    if refused and set(refused.values()) == {OFFLINE}:
        return Unreachable(f"No node that guests may be made on is online: {told}")
    if any(reason.startswith(HAS_ONLY) for reason in refused.values()):
        return StepFailed(
            f"No node has room for a guest with {_words(wanted)}: {told}. "
            "Remove or shrink what is there, or add a node"
        )
    return StepFailed(
        f"No node can take a guest: {told or 'there is none'}. `paas doctor` tells what mends it, "
        "and `paas templates list` which templates there are"
    )


def free(room: NodeRoom, ours: Sequence[Reserved], survey: Survey) -> Free:
    """What is left when all of our guests use all that they were promised."""
    cores, memory, disk = room.cores * CORES_PROMISED, room.memory, room.disk
    memory -= room.memory_used
    disk_ours = 0
    for one in ours:
        there = survey.guests.get(one.vmid)
        node = there.node if there else one.node
        disk -= one.resources.disk if not there and (room.shared or node == room.name) else 0
        disk_ours += one.resources.disk if there and (room.shared or node == room.name) else 0
        if node == room.name:
            cores -= one.resources.cores
            # What a running guest uses already is part of what the node uses.
            used = min(there.memory_used, one.resources.memory) if there else 0
            memory -= one.resources.memory - used
    return Free(cores, memory, disk - max(room.disk_used, disk_ours))


def _without_template(room: NodeRoom, survey: Survey) -> str:
    at = survey.template.get("nodes")
    if at is None or room.name in at:
        return ""
    return f"does not have the template {survey.template['frozen']['template']}"


def _lacks(room: NodeRoom, left: Free, wanted: Resources, storage: str) -> str:
    missing = []
    if wanted.cores > min(left.cores, room.cores):
        missing.append(f"{max(0, min(left.cores, room.cores))} cores")
    if wanted.memory > left.memory:
        missing.append(f"{max(0, left.memory)} MB of memory")
    if wanted.disk > left.disk:
        missing.append(f"{max(0, left.disk)} GB on {storage}")
    return f"{HAS_ONLY} {' and '.join(missing)} left" if missing else ""


def _address(site: Site, wanted: Wanted, ours: Sequence[Reserved]) -> str:
    if site.addresses is None:
        return ""
    taken = frozenset(one.address for one in ours)
    address = site.addresses.choose(wanted.index, taken)
    if address is None:
        raise StepFailed(
            f"All {site.addresses.size} addresses for guests are taken. Destroy deployments that "
            "are not needed, or widen PAAS_PROXMOX_ADDRESSES"
        )
    return address


def _frozen(site: Site, survey: Survey) -> dict[str, Any]:
    """What the guest keeps, however the settings and the template change later."""
    pool = site.addresses
    return {
        **survey.template["frozen"],
        "storage": site.storage,
        "bridge": site.bridge,
        "vlan": site.vlan,
        "pool": site.pool,
        "prefix": pool.prefix if pool else 0,
        "gateway": str(pool.gateway) if pool and pool.gateway else "",
        "dns": list(site.dns),
        "guests": [f"{pool.first}-{pool.last}"] if pool else [],
        "nodes": list(survey.apis),
    }


def _words(resources: Resources) -> str:
    cores = "1 core" if resources.cores == 1 else f"{resources.cores} cores"
    return f"{cores}, {resources.memory} MB of memory and {resources.disk} GB of disk"
