"""What room the cluster has, read before a place is chosen."""

import ipaddress
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from paas.targets.proxmox.site import Site
from paas.tools.proxmox import Proxmox, Row

MB, GB = 1024**2, 1024**3
OFFLINE = "is offline"


@dataclass(frozen=True)
class NodeRoom:
    """One node: processors, memory and the guests' storage, all in MB but ``disk`` in GB.

    ``memory_used`` and ``disk_used`` are what is in use now, by whomever. ``reason`` says why
    nothing can be made there; empty when it can. ``shared`` is whether its storage is the other
    nodes' as well.
    """

    name: str
    reason: str = ""
    cores: int = 0
    memory: int = 0
    memory_used: int = 0
    disk: int = 0
    disk_used: int = 0
    shared: bool = False


@dataclass(frozen=True)
class Present:
    """A guest that is there: the sizes that it may grow to, and the memory that it uses now."""

    vmid: int
    node: str
    memory: int
    memory_used: int
    cores: int


@dataclass(frozen=True)
class Survey:
    """``apis`` are the nodes' addresses, ``bridges`` what nodes say of theirs, with DHCP.

    ``template`` is what the kind of guest is made from, as it is frozen on the guest's row.
    ``vmids`` are all that are in use, of templates too.
    """

    nodes: tuple[NodeRoom, ...]
    guests: Mapping[int, Present]
    apis: tuple[str, ...]
    template: Mapping[str, Any] = field(default_factory=dict)
    vmids: frozenset[int] = frozenset()
    storages: Mapping[str, tuple[NodeRoom, ...]] = field(default_factory=dict)
    bridges: tuple[Row, ...] = ()


def rooms(proxmox: Proxmox, site: Site) -> Mapping[str, tuple[NodeRoom, ...]]:
    """By storage, every node that the settings allow, and those that they name and the cluster
    has not; the settings' own storage is always among them."""
    rows = proxmox.get("/cluster/resources", type="storage")
    at = {(row.get("storage"), row["node"]): row for row in rows}
    found = {row["node"]: row for row in proxmox.nodes()}
    names = site.nodes or tuple(sorted(found))
    storages = {site.storage, *(str(row["storage"]) for row in rows if row.get("storage"))}
    return {
        storage: tuple(_room(n, found.get(n), at.get((storage, n)), storage) for n in names)
        for storage in sorted(storages)
    }


def _room(name: str, node: Row | None, storage: Row | None, wanted: str) -> NodeRoom:
    if node is None:
        return NodeRoom(name, "is not in the cluster")
    if node.get("status") != "online":
        return NodeRoom(name, OFFLINE)
    if storage is None:
        return NodeRoom(name, f"has no storage {wanted}")
    if storage.get("status", "available") != "available":
        return NodeRoom(name, f"cannot reach its storage {wanted}")
    return NodeRoom(
        name,
        cores=int(node.get("maxcpu", 0)),
        memory=int(node.get("maxmem", 0)) // MB,
        memory_used=int(node.get("mem", 0)) // MB,
        disk=int(storage.get("maxdisk", 0)) // GB,
        disk_used=-(-int(storage.get("disk", 0)) // GB),
        shared=bool(storage.get("shared")),
    )


def present(rows: Iterable[Row]) -> Mapping[int, Present]:
    """The guests of ``/cluster/resources`` by vmid, templates left out."""
    return {
        int(row["vmid"]): Present(
            vmid=int(row["vmid"]),
            node=str(row["node"]),
            memory=int(row.get("maxmem") or 0) // MB,
            memory_used=int(row.get("mem") or 0) // MB,
            cores=int(row.get("maxcpu") or 0),
        )
        for row in rows
        if not row.get("template")
    }


def addresses(status: Iterable[Row], host: str) -> tuple[str, ...]:
    """Where the API answers: at the nodes' own addresses, as ``/cluster/status`` has them, and at
    those of the URL's host, which may lie in another network.
    """
    own = {str(row["ip"]) for row in status if row.get("ip")}
    return tuple(sorted(own | set(_meant_by(host))))


def _meant_by(host: str) -> Iterator[str]:
    """The addresses of a host, but for loopback, where only this machine reaches it."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return
    for *_, ends in found:
        address = ipaddress.ip_address(str(ends[0]).partition("%")[0])
        if not address.is_loopback:
            yield str(address)


def identity(status: Iterable[Row]) -> str:
    """What the endpoint calls itself: the cluster's name, or that of the only node."""
    rows = list(status)
    for row in rows:
        if row["type"] == "cluster":
            return f"cluster {row['name']}"
    return f"host {rows[0]['name']}"


def grew(known: str, status: Iterable[Row]) -> bool:
    """Whether the host that was on its own when it called itself ``known`` is in a cluster now,
    which is the one that is asked."""
    rows = list(status)
    if not any(row["type"] == "cluster" for row in rows):
        return False
    return known in {f"host {row['name']}" for row in rows if row["type"] == "node"}
