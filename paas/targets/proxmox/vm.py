"""Target ``proxmox_vm``: virtual machines, cloned from a template with cloud-init."""

from collections.abc import Mapping
from typing import Any

from paas.domain.errors import StepFailed
from paas.domain.specs import GuestSpec
from paas.targets.proxmox import configs, modules
from paas.targets.proxmox.target import ROOT, ProxmoxTarget
from paas.tools.proxmox import Row, Spot


class VmTarget(ProxmoxTarget):
    """Implements ``paas.targets.contract.Target``."""

    name = "proxmox_vm"
    kind = "qemu"
    module = ROOT / "terraform" / "proxmox_vm"

    def template(self) -> Mapping[str, Any]:
        vmid = self.site.vm_template
        if missing := self.missing_template():
            raise StepFailed(missing)
        row = next((row for row in self.proxmox.resources() if row["vmid"] == vmid), None)
        config = self.guests.config(Spot(row["node"], "qemu", ""), vmid) if row else None
        if row is None or config is None or row["type"] != "qemu" or not row.get("template"):
            raise StepFailed(
                f"There is no template {vmid} for virtual machines: PAAS_PROXMOX_VM_TEMPLATE must "
                "name one that `paas templates list` shows"
            )
        if not configs.first_disk(config):
            raise StepFailed(f"The template {vmid} has no disk on scsi, virtio or sata")
        node = str(row["node"])
        frozen = {"template": vmid, "template_node": node, **configs.machine_of(config)}
        return {"frozen": frozen, "nodes": self._reach(node, config)}

    def missing_template(self) -> str:
        if self.site.vm_template:
            return ""
        return (
            "This platform makes no virtual machines, for want of a template: set "
            "PAAS_PROXMOX_VM_TEMPLATE to the number of one that `paas templates list` shows"
        )

    def _reach(self, node: str, config: Row) -> list[str] | None:
        """The nodes that can clone it: its own, or all when its disks are on shared storages."""
        used = {volume.partition(":")[0] for volume in configs.volumes(config)}
        used.add(self.site.storage)
        rows = self.proxmox.get("/cluster/resources", type="storage")
        shared = {row["storage"] for row in rows if row.get("shared")}
        return None if used <= shared else [node]

    def values(self, guest: GuestSpec) -> Mapping[str, object]:
        return modules.vm(self.site, guest)

    def lock_name(self, guest: GuestSpec) -> str:
        frozen = guest.frozen
        return f"clone:{self.endpoint}:{frozen.get('template_node')}:{frozen['template']}"

    def _no_address(self, guest: GuestSpec) -> str:
        return (
            f"The machine {guest.hostname} has not told an address: with DHCP its template needs "
            "the package qemu-guest-agent, and a DHCP server must answer on "
            f"{guest.frozen.get('bridge')}; or set PAAS_PROXMOX_ADDRESSES"
        )
