"""What a guest consists of for Terraform, and how the provider finds each part."""

from collections.abc import Mapping

from paas.domain.specs import GuestSpec
from paas.tools.proxmox import Proxmox

# What the modules call the parts of a guest.
RESOURCES = {
    "lxc": "proxmox_virtual_environment_container",
    "qemu": "proxmox_virtual_environment_vm",
}
WALL = "module.guest.proxmox_virtual_environment_firewall"
IPSET = "ipfilter-net0"


def parts(proxmox: Proxmox, kind: str, guest: GuestSpec) -> Mapping[str, str]:
    """The guest's own resource, and of its firewall what there is: identifiers by addresses."""
    resource, where = RESOURCES[kind], f"{guest.node}/{guest.vmid}"
    word = resource.rpartition("_")[2]
    found = {f"module.guest.{resource}.guest": where}
    found[f"{WALL}_options.guest"] = f"{word}/{where}"
    path = f"/nodes/{guest.node}/{kind}/{guest.vmid}/firewall"
    if proxmox.get(f"{path}/rules"):
        found[f"{WALL}_rules.guest"] = f"{word}/{where}"
    names = {row["name"] for row in proxmox.get(f"{path}/ipset")}
    if guest.frozen.get("prefix") and IPSET in names:
        found[f"{WALL}_ipset.guest[0]"] = f"{word}/{where}/{IPSET}"
    return found
