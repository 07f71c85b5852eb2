"""Reads a guest and its firewall out of the fake's configuration."""

import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

from fakepve.lxc import parse_size, split_props
from fakepve.qemu import NET_MODELS, drives_of

from tests.lab.hypervisor import Firewall, GuestConfig, HypervisorError, Rule

GIB = 1024**3
# What the macros that anybody uses here stand for: protocol and port.
MACROS = {
    "SSH": ("tcp", "22"),
    "HTTP": ("tcp", "80"),
    "HTTPS": ("tcp", "443"),
    "Ping": ("icmp", ""),
}


def container(vmid: int, config: Mapping[str, Any], image: str, keys: str) -> GuestConfig:
    """A container as its configuration has it; ``keys`` are those given when it was created."""
    net = split_props(config.get("net0", ""))[1]
    return GuestConfig(
        vmid=vmid,
        kind="lxc",
        hostname=str(config.get("hostname") or f"CT{vmid}"),
        image=image,
        cores=int(config.get("cores") or 1),
        memory=int(config.get("memory") or 512),
        disk=_gigabytes(split_props(config.get("rootfs", ""))[1].get("size")),
        mac=net.get("hwaddr", ""),
        bridge=net.get("bridge", ""),
        address=net.get("ip", ""),
        gateway=net.get("gw", ""),
        dns=_words(config.get("nameserver")),
        ssh_keys=_lines(keys),
    )


def machine(vmid: int, config: Mapping[str, Any], image: str) -> GuestConfig:
    """A VM as its configuration and its cloud-init settings have it."""
    net = split_props(config.get("net0", ""))[1]
    address = split_props(config.get("ipconfig0", ""))[1]
    disks = drives_of(config, skip_cdrom=True)
    return GuestConfig(
        vmid=vmid,
        kind="qemu",
        hostname=str(config.get("name") or f"VM{vmid}"),
        image=image,
        cores=int(config.get("cores") or 1) * int(config.get("sockets") or 1),
        memory=int(str(config.get("memory") or 512).split("=")[-1]),
        disk=_gigabytes(disks[0][2].get("size") if disks else None),
        mac=next((net[model] for model in NET_MODELS if model in net), ""),
        bridge=net.get("bridge", ""),
        address=address.get("ip", ""),
        gateway=address.get("gw", ""),
        dns=_words(config.get("nameserver")),
        ssh_keys=_lines(urllib.parse.unquote(str(config.get("sshkeys", "")))),
    )


def firewall(
    config: Mapping[str, Any],
    own: Mapping[str, Any],
    cluster: Mapping[str, Any],
    guest: GuestConfig,
) -> Firewall:
    """What of a guest's firewall holds: nothing unless cluster, guest and its card have it on.

    ``config`` is the guest's, ``own`` and ``cluster`` are firewall configurations.
    """
    options = own["options"]
    card = split_props(config.get("net0", ""))[1]
    on = cluster["options"].get("enable") and options.get("enable") and card.get("firewall") == "1"
    if not on:
        return Firewall()
    rules = [part for rule in own["rules"] for part in _rules(rule, own, cluster)]
    ip_filter = bool(options.get("ipfilter")) or "ipfilter-net0" in own["ipset"]
    if ip_filter and not _passes_ip_filter(own, guest):
        rules = [Rule("in", "DROP"), Rule("out", "DROP")]
    return Firewall(
        enabled=True,
        policy_in=options.get("policy_in") or "DROP",
        policy_out=options.get("policy_out") or "ACCEPT",
        mac_filter=bool(options.get("macfilter", 1)),
        ip_filter=ip_filter,
        rules=tuple(rules),
    )


def _passes_ip_filter(own: Mapping[str, Any], guest: GuestConfig) -> bool:
    """Proxmox knows a container's addresses by itself; a VM's must be in the set ipfilter-net0."""
    if guest.kind == "lxc":
        return True
    allowed = {entry["cidr"].split("/")[0] for entry in own["ipset"].get("ipfilter-net0", [])}
    return guest.address.split("/")[0] in allowed


def _rules(
    rule: Mapping[str, Any], own: Mapping[str, Any], cluster: Mapping[str, Any]
) -> list[Rule]:
    if not rule.get("enable"):
        return []
    if rule["type"] == "group":
        return [
            part
            for member in cluster["groups"].get(rule["action"], [])
            for part in _rules(member, own, cluster)
        ]
    protocol, port = _macro(rule.get("macro"))
    return [
        Rule(
            direction=rule["type"],
            action=rule["action"],
            protocol=rule.get("proto") or protocol,
            source=_addresses(rule.get("source", ""), own, cluster),
            destination=_addresses(rule.get("dest", ""), own, cluster),
            port=rule.get("dport") or port,
        )
    ]


def _macro(name: str | None) -> tuple[str, str]:
    if not name:
        return "", ""
    if name not in MACROS:
        raise HypervisorError(f"the lab does not know the firewall macro '{name}'")
    return MACROS[name]


def _addresses(text: str, own: Mapping[str, Any], cluster: Mapping[str, Any]) -> str:
    """The addresses that an alias or a set stands for, with commas; anything else as it is."""
    name = re.sub(r"^\+?(dc/|guest/)?", "", text)
    for place in (own, cluster):
        if text.startswith("+") and name in place["ipset"]:
            return ",".join(entry["cidr"] for entry in place["ipset"][name])
        if name.lower() in place["aliases"]:
            return str(place["aliases"][name.lower()]["cidr"])
    return text


def _gigabytes(size: str | None) -> int:
    return -(-(parse_size(size or "0") or 0) // GIB)


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(re.split(r"[\s,;]+", text.strip())) if text and text.strip() else ()


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
