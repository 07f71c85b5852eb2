"""The nodes of a cluster, as the cluster shows them."""

import ipaddress
from collections import Counter
from dataclasses import replace

from paas.targets.contract import Machine
from paas.targets.proxmox.site import Site
from paas.tools.proxmox import Proxmox, Row

MB = 1024**2


def machines(proxmox: Proxmox, site: Site) -> tuple[Machine, ...]:
    """Every node; guests are all that stand there, whoever's, templates left out."""
    status = {row["name"]: row for row in proxmox.get("/cluster/status") if row["type"] == "node"}
    guests = Counter(str(row["node"]) for row in proxmox.resources() if not row.get("template"))
    nodes = sorted(proxmox.nodes(), key=lambda row: str(row["node"]))
    found = [_machine(row, status.get(row["node"], {}), guests, site) for row in nodes]
    if len(found) == 1:
        # A host of its own has nobody else to be led to.
        return (replace(found[0], leads=True),)
    return tuple(found)


def _machine(row: Row, status: Row, guests: Counter[str], site: Site) -> Machine:
    name = str(row["node"])
    leads = bool(status.get("local"))
    online = row.get("status") == "online"
    cores = int(row.get("maxcpu") or 0)
    return Machine(
        name=name,
        address=_address(status, site) if leads else str(status.get("ip") or ""),
        is_online=online,
        cores=cores if online else 0,
        cores_used=float(row.get("cpu") or 0) * cores if online else 0.0,
        memory=int(row.get("maxmem") or 0) // MB if online else 0,
        memory_used=int(row.get("mem") or 0) // MB if online else 0,
        guests=guests[name],
        leads=leads,
        is_open=not site.nodes or name in site.nodes,
    )


def _address(status: Row, site: Site) -> str:
    """Of the node that answers: the address in the URL, else what the cluster has."""
    host = site.access.host
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return str(status.get("ip") or host)
