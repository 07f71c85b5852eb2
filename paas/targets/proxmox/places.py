"""Choosing a node and an address, from the survey and the reservations alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from paas.domain.errors import StepFailed, Unreachable
from paas.domain.specs import Resources
from paas.targets.contract import Place, Reserved, Wanted
from paas.targets.proxmox import modules
from paas.targets.proxmox.neighbours import Neighbours, neighbours
from paas.targets.proxmox.site import Site
from paas.targets.proxmox.survey import OFFLINE, NodeRoom, Survey

# Guests seldom compute at the same time, so a node's processors are promised this many times.
CORES_PROMISED = 4
HAS_ONLY = "has only"
CLOSED = "takes no new guests"
LOCAL = "local"


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

    Nodes to avoid come after all others. Raises ``StepFailed`` that says why none has, or
    ``Unreachable`` when all are offline. Pure: it looks at nothing but its arguments.
    """
    usual, site = site, planned(site, wanted.placement)
    ours = [one for one in reserved if one.endpoint == site.endpoint]
    given = modules.sizes(kind, wanted.resources, survey.template["frozen"])
    fitting: list[tuple[bool, int, str]] = []
    refused: dict[str, str] = {}
    for room in _rooms(usual, site, survey):
        reason = CLOSED if room.name in wanted.without else room.reason
        reason = reason or _without_template(room, survey, kind)
        if not reason:
            left = free(room, ours, survey, site.storage)
            reason = _lacks(room, left, given, site.storage)
            is_last = room.name in wanted.avoid
            fitting += [] if reason else [(is_last, -left.memory, room.name)]
        refused |= {room.name: reason} if reason else {}
    if not fitting:
        raise _nowhere(given, refused)
    near = neighbours(site.named, survey.bridges)
    if not near.hosts:
        raise _unwalled(site)
    address = _address(site, wanted, reserved)
    more = given if given != wanted.resources else None
    _, memory, node = min(fitting)
    return Place(site.endpoint, node, address, _frozen(site, survey, near), more, free=-memory)


def planned(site: Site, placement: Mapping[str, Any]) -> Site:
    """The site as the plan has it: what it says comes before the settings."""
    return replace(
        site,
        nodes=tuple(placement.get("nodes") or site.nodes),
        storage=placement.get("storage") or site.storage,
        bridge=placement.get("bridge") or site.bridge,
        vlan=site.vlan if placement.get("vlan") is None else int(placement["vlan"]),
    )


def _rooms(usual: Site, site: Site, survey: Survey) -> Iterator[NodeRoom]:
    """The nodes to choose among, with the room on the storage that is wanted."""
    rooms = survey.nodes
    if site.storage != usual.storage:
        without = f"has no storage {site.storage}"
        lacking = tuple(NodeRoom(room.name, room.reason or without) for room in rooms)
        rooms = survey.storages.get(site.storage, lacking)
    yield from (room for room in rooms if not site.nodes or room.name in site.nodes)
    known = {room.name for room in rooms}
    for name in site.nodes:
        if name not in known:
            yield NodeRoom(name, "is not among the nodes that guests may be made on")


def _nowhere(wanted: Resources, refused: Mapping[str, str]) -> StepFailed | Unreachable:
    told = "; ".join(f"{name} {reason}" for name, reason in refused.items())
    if OFFLINE in refused.values() and set(refused.values()) <= {OFFLINE, CLOSED}:
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


def _unwalled(site: Site) -> StepFailed:
    where = f"{site.bridge} with VLAN {site.vlan}" if site.vlan else site.bridge
    return StepFailed(
        f"Guests get their addresses by DHCP on {where}, and Proxmox does not say from which "
        "network, so their firewalls could not keep them from each other. Set "
        "PAAS_PROXMOX_ADDRESSES=dhcp,net=<that network, such as 10.0.0.0/24>"
    )


def free(room: NodeRoom, ours: Sequence[Reserved], survey: Survey, storage: str = "") -> Free:
    """What is left when all of our guests use all that they were promised."""
    cores, memory, disk = room.cores * CORES_PROMISED, room.memory, room.disk
    memory -= room.memory_used
    disk_ours = 0
    for one in ours:
        there = survey.guests.get(one.vmid)
        node = there.node if there else one.node
        is_same = not storage or one.storage in ("", storage)
        if is_same and (room.shared or node == room.name):
            disk -= 0 if there else one.resources.disk
            disk_ours += one.resources.disk if there else 0
        if node == room.name:
            cores -= one.resources.cores
            # What a running guest uses already is part of what the node uses.
            used = min(there.memory_used, one.resources.memory) if there else 0
            memory -= one.resources.memory - used
    return Free(cores, memory, disk - max(room.disk_used, disk_ours))


def _without_template(room: NodeRoom, survey: Survey, kind: str) -> str:
    at = survey.template.get("nodes")
    if at is None and kind == "qemu" and not room.shared:
        # A clone goes to another node only where its own disk is on a shared storage too.
        at = [survey.template["frozen"].get("template_node", room.name)]
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


def _address(site: Site, wanted: Wanted, reserved: Sequence[Reserved]) -> str:
    """All endpoints have the addresses of one network; only this machine's are others."""
    if site.addresses is None:
        return ""
    taken = frozenset(one.address for one in reserved if one.endpoint != LOCAL)
    address = site.addresses.choose(wanted.index, taken)
    if address is None:
        raise StepFailed(
            f"All {site.addresses.size} addresses for guests are taken. Destroy deployments that "
            "are not needed, or widen PAAS_PROXMOX_ADDRESSES"
        )
    return address


def _frozen(site: Site, survey: Survey, near: Neighbours) -> dict[str, Any]:
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
        "guests": list(near.hosts),
        "routers": list(near.routers),
        "nodes": list(survey.apis),
    }


def _words(resources: Resources) -> str:
    cores = "1 core" if resources.cores == 1 else f"{resources.cores} cores"
    return f"{cores}, {resources.memory} MB of memory and {resources.disk} GB of disk"
