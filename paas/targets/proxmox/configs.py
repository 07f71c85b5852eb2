"""What a guest's configuration in Proxmox says, in our words."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from paas.domain.specs import Resources
from paas.tools.proxmox import Row

SIZES = {"K": 1 / 1024**2, "M": 1 / 1024, "G": 1.0, "T": 1024.0}
SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGT]?)")
DISK = re.compile(r"(scsi|virtio|sata)\d+")
# The families of systems that Proxmox knows how to set up, by what template files are called.
SYSTEMS = {
    **{name: name for name in ("debian", "ubuntu", "devuan", "alpine", "archlinux", "centos")},
    **{name: name for name in ("fedora", "gentoo", "nixos", "opensuse")},
    **dict.fromkeys(("almalinux", "rockylinux"), "centos"),
}


def options(value: str) -> Mapping[str, str]:
    """``name=value`` pairs with commas between; what stands alone first is under the empty name."""
    found = {}
    for index, part in enumerate(value.split(",")):
        name, equals, text = part.partition("=")
        if equals:
            found[name] = text
        elif index == 0:
            found[""] = part
    return found


def gigabytes(size: str) -> int:
    """``3G`` or ``2252M`` in whole GB, rounded up; 0 for none."""
    match = SIZE.fullmatch(size)
    if match is None:
        return 0
    number = float(match[1]) * SIZES[match[2] or "G"]
    return int(-(-number // 1))


def first_disk(config: Row) -> str:
    """The interface of the disk that a VM starts from; empty when it has none."""
    order = options(str(config.get("boot", ""))).get("order", "").split(";")
    named = [*order, str(config.get("bootdisk", "")), "scsi0", "virtio0", "sata0", *sorted(config)]
    for name in named:
        value = str(config.get(name, ""))
        if DISK.fullmatch(name) and value and "media=cdrom" not in value:
            return name
    return ""


def disk_of(config: Row) -> Mapping[str, str]:
    """The options of the root disk, of a container or of a VM."""
    return options(str(config.get("rootfs") or config.get(first_disk(config), "")))


def resources_of(config: Row) -> Resources:
    """The sizes that a guest has."""
    memory = str(config.get("memory", 512)).partition("=")[2] or str(config.get("memory", 512))
    cores = int(config.get("cores", 1)) * int(config.get("sockets", 1))
    return Resources(
        cores=cores,
        memory=int(memory.split(",")[0]),
        disk=gigabytes(disk_of(config).get("size", "")),
        cpu_limit=float(config.get("cpulimit") or 0) or None,
    )


def address_of(config: Row) -> str:
    """The static address with its prefix; empty with DHCP."""
    network = options(str(config.get("ipconfig0") or config.get("net0", "")))
    address = network.get("ip", "")
    return address if "/" in address else ""


def frozen_of(config: Row, about: Mapping[str, str]) -> Mapping[str, Any]:
    """What a reservation would have frozen, read back from a guest that is there."""
    network = options(str(config.get("net0", "")))
    numbers = options(str(config.get("ipconfig0") or config.get("net0", "")))
    address = address_of(config)
    template = about.get("template", "")
    common = {
        "template": int(template) if template.isdigit() else template,
        "storage": disk_of(config).get("", "").partition(":")[0],
        "bridge": network.get("bridge", ""),
        "vlan": int(network.get("tag", 0)),
        "prefix": int(address.partition("/")[2]) if address else 0,
        "gateway": numbers.get("gw", ""),
        "dns": str(config.get("nameserver", "")).split(),
    }
    return {**common, **(machine_of(config) if "rootfs" not in config else system_of(config))}


def system_of(config: Row) -> Mapping[str, Any]:
    """What a container's system is."""
    return {"os_type": str(config.get("ostype", "debian"))}


def machine_of(config: Row) -> Mapping[str, Any]:
    """What a clone has of its template, and Terraform must be told, lest it takes defaults."""
    disk = disk_of(config)
    return {
        "disk_interface": first_disk(config),
        "disk_iothread": disk.get("iothread", "0") == "1",
        "disk_ssd": disk.get("ssd", "0") == "1",
        "disk_discard": disk.get("discard", "ignore"),
        "disk_cache": disk.get("cache", "none"),
        "disk_aio": disk.get("aio", "io_uring"),
        "template_disk": gigabytes(disk.get("size", "")),
        "cpu_type": _cpu(str(config.get("cpu", "kvm64"))),
    }


def os_type(template: str) -> str:
    """The family of a container template's system, by its file's name."""
    name = template.rpartition("/")[2].lower()
    return next((family for word, family in SYSTEMS.items() if word in name), "debian")


def volumes(config: Row) -> Iterator[str]:
    """The storages' volumes that a VM's disks are, such as ``local-lvm:vm-100-disk-0``."""
    for name, value in sorted(config.items()):
        volume = str(value).split(",")[0]
        if DISK.fullmatch(name) and ":" in volume and "media=cdrom" not in str(value):
            yield volume


def _cpu(value: str) -> str:
    found = options(value)
    return found.get("cputype") or found.get("") or "kvm64"
