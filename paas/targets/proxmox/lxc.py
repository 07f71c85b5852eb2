"""Target ``proxmox_lxc``: unprivileged containers, made from a template on a storage."""

from collections.abc import Mapping
from typing import Any

from paas.domain.errors import StepFailed
from paas.domain.specs import GuestSpec
from paas.targets.proxmox import configs, modules
from paas.targets.proxmox.target import ROOT, ProxmoxTarget
from paas.tools.proxmox import Missing


class LxcTarget(ProxmoxTarget):
    """Implements ``paas.targets.contract.Target``."""

    name = "proxmox_lxc"
    kind = "lxc"
    module = ROOT / "terraform" / "proxmox_lxc"

    def template(self) -> Mapping[str, Any]:
        volume = self.site.lxc_template
        if missing := self.missing_template():
            raise StepFailed(missing)
        frozen = {"template": volume, "os_type": configs.os_type(volume)}
        return {"frozen": frozen, "nodes": self._nodes_with(volume)}

    def missing_template(self) -> str:
        if self.site.lxc_template:
            return ""
        return (
            "This platform makes no containers, for want of a template: set "
            "PAAS_PROXMOX_LXC_TEMPLATE to one that `paas templates list` shows"
        )

    def _nodes_with(self, volume: str) -> list[str]:
        """Where the template lies: it is looked for on every node that is online."""
        storage = volume.partition(":")[0]
        found = []
        for node in self.proxmox.nodes():
            name = str(node["node"])
            if node.get("status") != "online" or (self.site.nodes and name not in self.site.nodes):
                continue
            try:
                path = f"/nodes/{name}/storage/{storage}/content"
                rows = self.proxmox.get(path, content="vztmpl")
            except Missing:
                continue
            found += [name] if any(row["volid"] == volume for row in rows) else []
        return found

    def values(self, guest: GuestSpec) -> Mapping[str, object]:
        return modules.lxc(self.site, guest)

    def lock_name(self, guest: GuestSpec) -> str:  # noqa: ARG002 (templates are only read)
        return ""

    def _no_address(self, guest: GuestSpec) -> str:
        return (
            f"The container {guest.hostname} has not been given an address: look whether a DHCP "
            f"server answers on {guest.frozen.get('bridge')}, or set PAAS_PROXMOX_ADDRESSES"
        )
