"""What guests need on a node of Proxmox: storage, templates, the bridge."""

import re
from collections.abc import Iterable, Iterator, Sequence

from paas.services.findings import Finding
from paas.settings import Settings
from paas.tools.proxmox import Proxmox, Row

GB = 1024**3
FREE_GB = 20
DISK = re.compile(r"(?:scsi|virtio|sata|ide)\d+")


def storage(settings: Settings, proxmox: Proxmox, node: str) -> Iterator[Finding]:
    """The storage for disks is there, takes what is made, and has room."""
    name, title = settings.proxmox_storage, f"proxmox storage {settings.proxmox_storage} on {node}"
    rows = storages(proxmox, node)
    if name not in rows:
        yield _no_storage(title, name, node, rows, "PAAS_PROXMOX_STORAGE")
        return
    row, kinds = rows[name], _kinds(rows[name])
    needed = {"rootdir": settings.proxmox_lxc_template, "images": settings.proxmox_vm_template}
    missing = [kind for kind, wanted in needed.items() if wanted and kind not in kinds]
    free = int(row.get("avail") or 0) // GB
    if missing:
        mend = f"pvesm set {name} --content {','.join(sorted(kinds | set(missing)))}"
        says = f"Storage {name} on {node} takes no {' and no '.join(missing)}."
        yield Finding(title, False, says, mend)
    elif not row.get("active"):
        mend = "`pvesm status` on that node says more."
        yield Finding(title, False, f"Storage {name} on {node} is not active.", mend)
    elif free < FREE_GB:
        mend = "Free some, or set PAAS_PROXMOX_STORAGE to another storage."
        yield Finding(title, False, f"Storage {name} on {node} has only {free} GB free.", mend)
    else:
        yield Finding(title, True, f"Storage {name} on {node} has {free} GB free.")


def lxc_template(settings: Settings, proxmox: Proxmox, node: str) -> Iterator[Finding]:
    """The container template lies where its name says, on this node too."""
    volume = settings.proxmox_lxc_template
    if not volume:
        return
    where, title = volume.partition(":")[0], f"proxmox template {volume} on {node}"
    rows = storages(proxmox, node)
    if where not in rows:
        yield _no_storage(title, where, node, rows, "PAAS_PROXMOX_LXC_TEMPLATE")
        return
    there = [row["volid"] for row in container_templates(proxmox, node, where)]
    if volume in there:
        yield Finding(title, True, f"The container template {volume} is on {node}.")
        return
    says = f"There is no container template {volume} on {node}; "
    says += f"there are {', '.join(there)}." if there else "there is none at all."
    mend = f"pveam download {where} <template>, or `paas templates build lxc`"
    yield Finding(title, False, says, mend)


def bridge(settings: Settings, proxmox: Proxmox, node: str) -> Iterator[Finding]:
    """The bridge is there, and knows VLANs when a tag is set."""
    name, title = settings.proxmox_bridge, f"proxmox bridge {settings.proxmox_bridge} on {node}"
    rows = proxmox.get(f"/nodes/{node}/network", type="any_bridge")
    found = {row["iface"]: row for row in rows}
    if name not in found:
        says = f"There is no bridge {name} on {node}; there are {', '.join(found) or 'none'}."
        yield Finding(title, False, says, "Set PAAS_PROXMOX_BRIDGE, or make the bridge there.")
        return
    row = found[name]
    plain = row.get("type") == "bridge" and not row.get("bridge_vlan_aware")
    if settings.proxmox_vlan and plain:
        says = f"Bridge {name} on {node} knows no VLANs, and PAAS_PROXMOX_VLAN is set."
        mend = (
            f"pvesh set /nodes/{node}/network/{name} --type bridge --bridge_vlan_aware 1, "
            "then apply the network's configuration"
        )
        yield Finding(title, False, says, mend)
    else:
        yield Finding(title, True, f"Bridge {name} is on {node}.")


def vm_template(settings: Settings, proxmox: Proxmox, nodes: Sequence[str]) -> Iterator[Finding]:
    """The VM template is one, and where VMs can be cloned from it."""
    vmid, title = settings.proxmox_vm_template, f"proxmox template {settings.proxmox_vm_template}"
    mend = "Set PAAS_PROXMOX_VM_TEMPLATE to a vmid that `paas templates list` shows."
    row = next((row for row in proxmox.resources() if row["vmid"] == vmid), None)
    if row is None:
        yield Finding(title, False, f"There is no guest {vmid} that the token may see.", mend)
        return
    if row["type"] != "qemu" or not row.get("template"):
        yield Finding(title, False, f"Guest {vmid} on {row['node']} is no VM template.", mend)
        return
    home = str(row["node"])
    config = proxmox.get(f"/nodes/{home}/qemu/{vmid}/config")
    rows = storages(proxmox, home)
    local = [name for name in disk_storages(config) if not rows.get(name, {}).get("shared")]
    says = f"The VM template {vmid} ({row.get('name')}) is on {home}."
    if local and set(nodes) != {home}:
        says += f" Its disk is on {', '.join(local)}, so VMs are made on {home} only."
        if home not in nodes:
            mend = f"Add {home} to PAAS_PROXMOX_NODES, or move the template to a shared storage."
            yield Finding(title, False, says, mend)
            return
    yield Finding(title, True, says)


def storages(proxmox: Proxmox, node: str) -> dict[str, Row]:
    """The storages that the token sees on a node, by name."""
    return {row["storage"]: row for row in proxmox.get(f"/nodes/{node}/storage")}


def container_templates(proxmox: Proxmox, node: str, storage_name: str) -> list[Row]:
    """The container templates in a storage: ``volid`` and ``size`` in bytes."""
    path = f"/nodes/{node}/storage/{storage_name}/content"
    found: list[Row] = proxmox.get(path, content="vztmpl")
    return sorted(found, key=lambda row: str(row["volid"]))


def disk_storages(config: Row) -> list[str]:
    """The storages that a VM's disks are on, from its configuration."""
    names = [
        str(value).partition(":")[0]
        for key, value in config.items()
        if DISK.fullmatch(key) and "media=cdrom" not in str(value) and ":" in str(value)
    ]
    return sorted(set(names))


def _kinds(row: Row) -> set[str]:
    return {kind for kind in str(row.get("content") or "").split(",") if kind}


def _no_storage(title: str, name: str, node: str, there: Iterable[str], setting: str) -> Finding:
    seen = ", ".join(sorted(there)) or "none"
    says = f"The token sees no storage {name} on {node}; it sees {seen}."
    return Finding(title, False, says, f"Set {setting}, or make the storage there.")
