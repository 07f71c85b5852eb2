"""The values that the Terraform modules are given: literal, without secrets."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from paas.domain.specs import GuestSpec, Resources
from paas.targets.proxmox import marker, neighbours
from paas.targets.proxmox.site import Site

# The least memory in MB that a system starts with.
LEAST = {"lxc": 64, "qemu": 256}
MACHINE = (
    *("template_node", "disk_interface", "disk_iothread", "disk_ssd", "disk_discard"),
    *("disk_cache", "disk_aio", "cpu_type"),
)


def lxc(site: Site, guest: GuestSpec) -> Mapping[str, object]:
    """The values of ``terraform/proxmox_lxc``."""
    return {
        **_common(site, guest, "lxc"),
        "template": guest.frozen["template"],
        "os_type": guest.frozen.get("os_type", "debian"),
    }


def vm(site: Site, guest: GuestSpec) -> Mapping[str, object]:
    """The values of ``terraform/proxmox_vm``."""
    kept = {name: guest.frozen[name] for name in MACHINE if name in guest.frozen}
    return {
        **_common(site, guest, "qemu"),
        **kept,
        "template": guest.frozen["template"],
        "template_node": guest.frozen.get("template_node", guest.node),
    }


def sizes(kind: str, asked: Resources, frozen: Mapping[str, Any]) -> Resources:
    """What a guest gets when it is asked for less: enough to start, and its template's disk."""
    return replace(
        asked,
        memory=max(asked.memory, LEAST[kind]),
        disk=max(asked.disk, int(frozen.get("template_disk", 0))),
    )


def refused(site: Site, frozen: Mapping[str, Any]) -> list[str]:
    """Where other guests are: those made before and with this one, and those made now."""
    return list(dict.fromkeys([*frozen.get("guests", []), *site.named.hosts]))


def _wall(site: Site, frozen: Mapping[str, Any]) -> dict[str, Any]:
    """Who is refused, and what the guest needs among those."""
    guests = refused(site, frozen)
    return {
        "guests": guests,
        "services": [
            {"address": address, "port": port}
            for address, port in site.services
            if neighbours.is_among(address, guests)
        ],
        "reachable": [*frozen.get("routers", []), *site.reachable],
    }


def _common(site: Site, guest: GuestSpec, kind: str) -> dict[str, Any]:
    frozen = guest.frozen
    given = sizes(kind, guest.resources, frozen)
    return {
        "node": guest.node,
        "vmid": guest.vmid,
        "pool": frozen.get("pool", site.pool),
        "hostname": guest.hostname,
        "description": marker.description(guest),
        "tags": marker.tags(guest.marker.partition("/")[0]),
        "storage": frozen["storage"],
        "cores": given.cores,
        "cpu_limit": given.cpu_limit or 0,
        "memory": given.memory,
        "disk": given.disk,
        "bridge": frozen["bridge"],
        "vlan": frozen["vlan"],
        "mac": marker.mac(guest.marker),
        "address": f"{guest.address}/{frozen['prefix']}" if frozen["prefix"] else "dhcp",
        "gateway": frozen["gateway"],
        "dns": list(frozen["dns"]),
        "ssh_key": site.public_key,
        "port": guest.port,
        "ssh_from": list(site.ssh_from),
        **_wall(site, frozen),
        "nodes": list(frozen.get("nodes", [])),
        "timeout": int(site.task_seconds),
    }
