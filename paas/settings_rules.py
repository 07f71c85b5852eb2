"""What makes settings unusable: each rule names every setting that breaks it, in a sentence."""

import ipaddress
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from paas.domain import emails, passwords
from paas.domain.addresses import AddressPool
from paas.domain.mail_server import MailServer

if TYPE_CHECKING:
    from paas.settings import Settings

TARGETS = ("local", "proxmox")
EDGES = ("auto", "caddy", "local", "off")
# [::]:80 and :80 are every address of the machine.
LISTEN = re.compile(r"(?P<host>[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
EDGE_ADMIN = re.compile(
    r"unix//[^\s]{1,100}|http://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}"
)
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
SHORTEST_TOKEN = 16
HOST_NAME = re.compile(r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\]")
GIT_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?")
PROXMOX_URL = re.compile(r"https://[A-Za-z0-9._\[\]:-]{1,255}/?")
PROXMOX_TOKEN = re.compile(r"[^\s@!=]+@[^\s@!=]+![^\s@!=]+=[0-9A-Za-z-]{8,64}")
FINGERPRINT = re.compile(r"([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}")
# Proxmox's own names: of storages, bridges, pools; those of nodes are host names.
PVE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,62}")
NODE_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
VOLUME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*:vztmpl/[A-Za-z0-9._+:~-]+")
WEB_URL = re.compile(r"https?://[^\s]+")
PUBLIC_URL = re.compile(r"https?://[A-Za-z0-9._\[\]:-]{1,255}/?")
# The lowest vmid that Proxmox takes, and the highest.
VMID_EDGES = (100, 999_999_999)
AT_LEAST_ONE = (
    "deploy_wait",
    "body_limit_kb",
    "source_limit_mb",
    "step_timeout",
    "health_timeout",
    "stop_timeout",
    "releases_kept",
    "log_days",
    "proxmox_timeout",
    "proxmox_patience",
)

Rule = Callable[["Settings"], Iterator[str]]


def broken(settings: "Settings") -> list[str]:
    """A sentence for every setting that breaks a rule; empty when they can be used."""
    return [sentence for rule in RULES for sentence in rule(settings)]


def _general(given: "Settings") -> Iterator[str]:
    if given.target not in TARGETS:
        yield f"PAAS_TARGET={given.target!r}: must be one of {', '.join(TARGETS)}"
    if not 0 <= given.port <= 65535:
        yield f"PAAS_PORT={given.port}: must be between 0 and 65535"
    if given.workers < 1:
        yield "PAAS_WORKERS: at least 1 worker is needed"
    if given.threads < 16:
        yield "PAAS_THREADS: at least 16 threads are needed, 8 stay free of waits"
    for name in AT_LEAST_ONE:
        if getattr(given, name) < 1:
            yield f"PAAS_{name.upper()}: must be at least 1"
    if given.snapshots < 0:
        yield "PAAS_SNAPSHOTS: must be 0 (none) or how many are kept"
    if given.log_level not in LOG_LEVELS:
        yield f"PAAS_LOG_LEVEL={given.log_level!r}: must be one of {', '.join(LOG_LEVELS)}"


def _doors(given: "Settings") -> Iterator[str]:
    token = given.api_token
    if token and (
        len(token) < SHORTEST_TOKEN
        or not token.isascii()
        or not token.isprintable()
        or " " in token
    ):
        yield (
            f"PAAS_API_TOKEN: must be at least {SHORTEST_TOKEN} visible ASCII characters; "
            "leave it unset to let the instance make its own"
        )
    for name in given.hosts:
        if not HOST_NAME.fullmatch(name):
            yield (
                f"PAAS_HOSTS: {name!r} is no host name; give names without scheme, port or path, "
                "with commas between them"
            )
    for name in given.trusted_proxies:
        if not _can(ipaddress.ip_network, name) or name.endswith("/0"):
            yield (
                f"PAAS_TRUSTED_PROXIES: {name!r} is no address or network of proxies, such as "
                "10.0.0.5 or 10.0.0.0/24"
            )
    for name in given.git_hosts:
        if not GIT_HOST.fullmatch(name):
            yield (
                f"PAAS_GIT_HOSTS: {name!r} is no host; give names, with a port where they have "
                "one of their own, without scheme or path, with commas between them"
            )


def _accounts(given: "Settings") -> Iterator[str]:
    """Where people reach the platform, how it writes to them, and who administers it first."""
    if given.public_url and not PUBLIC_URL.fullmatch(given.public_url):
        yield (
            f"PAAS_PUBLIC_URL={given.public_url!r}: must look like https://paas.example.com, "
            "without a path"
        )
    # The URL of the mail server has a password, so no sentence repeats it.
    for name, shown, read in (
        ("smtp_url", "", MailServer.parse),
        ("mail_from", f"={given.mail_from!r}", emails.parse_sender),
        ("admin_email", "", emails.parse),
    ):
        text = getattr(given, name)
        try:
            if text:
                read(text)
        except ValueError as error:
            yield f"PAAS_{name.upper()}{shown}: {error}"
    if given.admin_password:
        for sentence in passwords.refusals(given.admin_password, given.admin_email):
            yield f"PAAS_ADMIN_PASSWORD: {sentence[0].lower()}{sentence[1:]}"


def _edge(given: "Settings") -> Iterator[str]:
    if given.edge not in EDGES:
        yield f"PAAS_EDGE={given.edge!r}: must be one of {', '.join(EDGES)}"
    if given.edge_admin and not EDGE_ADMIN.fullmatch(given.edge_admin):
        yield (
            f"PAAS_EDGE_ADMIN={given.edge_admin!r}: must be where a Caddy's admin API listens, "
            "such as http://127.0.0.1:2019 or unix//run/caddy/admin.sock"
        )
    if given.edge_admin and given.edge == "local":
        yield "PAAS_EDGE_ADMIN: names a Caddy, but PAAS_EDGE=local wants none; leave one unset"
    listen = LISTEN.fullmatch(given.edge_listen)
    if given.edge_listen and (listen is None or int(listen["port"]) > 65535):
        yield (
            f"PAAS_EDGE_LISTEN={given.edge_listen!r}: must be an address and a port, such as "
            "127.0.0.1:8080, or :80 for every address of this machine"
        )
    elif (
        listen
        and given.target == "local"
        and not (given.local_unsafe or is_loopback(listen["host"].strip("[]")))
    ):
        yield (
            f"PAAS_EDGE_LISTEN={given.edge_listen!r}: target local is for one trusting user "
            "and serves only loopback addresses; set PAAS_LOCAL_UNSAFE=1 if you accept that "
            "everyone who can reach this address reaches the apps"
        )


def _local(given: "Settings") -> Iterator[str]:
    try:
        network = ipaddress.ip_network(given.local_network)
        if not network.is_loopback or network.version != 4:
            yield f"PAAS_LOCAL_NETWORK={given.local_network!r}: must lie in 127.0.0.0/8"
    except ValueError as error:
        yield f"PAAS_LOCAL_NETWORK={given.local_network!r}: {error}"
    if given.target == "local" and not given.binds_loopback and not given.local_unsafe:
        yield (
            f"PAAS_HOST={given.host!r}: target local is for one trusting user and serves only "
            "loopback addresses; set PAAS_LOCAL_UNSAFE=1 if you accept that everyone who can "
            "reach this address and knows the token runs code as this user"
        )


def _places(given: "Settings") -> Iterator[str]:
    """Where guests of Proxmox are put: their numbers, addresses, storage and network."""
    for name, read in (("proxmox_addresses", AddressPool.parse), ("proxmox_vmids", vmids)):
        try:
            read(getattr(given, name))
        except ValueError as error:
            yield f"PAAS_{name.upper()}={getattr(given, name)!r}: {error}"
    for name in ("proxmox_storage", "proxmox_bridge", "proxmox_pool"):
        if not PVE_NAME.fullmatch(getattr(given, name)):
            yield (
                f"PAAS_{name.upper()}={getattr(given, name)!r}: is no name as Proxmox has them; "
                "it begins with a letter and has letters, digits, '.', '_' and '-'"
            )
    for name in given.proxmox_nodes:
        if not NODE_NAME.fullmatch(name):
            yield f"PAAS_PROXMOX_NODES: {name!r} is no name of a node"
    for name in given.proxmox_dns:
        if not _can(ipaddress.ip_address, name):
            yield f"PAAS_PROXMOX_DNS: {name!r} is no address of a name server"
    for name in given.proxmox_ssh_from:
        if not _can(ipaddress.ip_network, name):
            yield (
                f"PAAS_PROXMOX_SSH_FROM: {name!r} is no address or network, such as 10.0.0.5 or "
                "10.0.0.0/24"
            )
    for name in given.proxmox_reachable:
        if not _can(ipaddress.IPv4Network, name):
            yield (
                f"PAAS_PROXMOX_REACHABLE: {name!r} is no IPv4 address or network, such as "
                "10.0.0.5 or 10.0.0.0/28"
            )
    if not 0 <= given.proxmox_vlan <= 4094:
        yield f"PAAS_PROXMOX_VLAN={given.proxmox_vlan}: must be 1 to 4094, or 0 for none"


def _access(given: "Settings") -> Iterator[str]:
    """How Proxmox is reached: asked for only where it is."""
    if given.target != "proxmox":
        return
    if not PROXMOX_URL.fullmatch(given.proxmox_url):
        yield f"PAAS_PROXMOX_URL={given.proxmox_url!r}: must look like https://pve.example.com:8006"
    if not PROXMOX_TOKEN.fullmatch(given.proxmox_token):
        yield (
            "PAAS_PROXMOX_TOKEN: must look like user@realm!name=secret; docs/proxmox.md shows "
            "how to make one"
        )
    if given.proxmox_fingerprint and not FINGERPRINT.fullmatch(given.proxmox_fingerprint):
        yield (
            "PAAS_PROXMOX_FINGERPRINT: must be the SHA-256 of the certificate, 32 pairs of "
            "hexadecimal digits with colons between them"
        )


def _templates(given: "Settings") -> Iterator[str]:
    """What guests are made from. Without any the platform starts: its command lists them."""
    if given.target != "proxmox":
        return
    container, machine = given.proxmox_lxc_template, given.proxmox_vm_template
    if container and not VOLUME.fullmatch(container):
        yield (
            f"PAAS_PROXMOX_LXC_TEMPLATE={container!r}: must be a volume id "
            "such as local:vztmpl/debian-12.tar.zst"
        )
    if machine and machine < VMID_EDGES[0]:
        yield f"PAAS_PROXMOX_VM_TEMPLATE={machine}: is no vmid; they begin at {VMID_EDGES[0]}"


def _guests(given: "Settings") -> Iterator[str]:
    """What guests are told of mirrors and certificates."""
    for name in ("apt_mirror", "pip_index", "pip_find_links", "npm_registry", "proxy"):
        url = getattr(given, f"guest_{name}")
        if url and not WEB_URL.fullmatch(url):
            yield f"PAAS_GUEST_{name.upper()}: must be a URL that begins with http:// or https://"


def _files(given: "Settings") -> Iterator[str]:
    for name in ("proxmox_ca_file", "proxmox_unlock_key", "guest_ca_file"):
        path = getattr(given, name)
        if path and not (Path(path).is_file() and os.access(path, os.R_OK)):
            yield f"PAAS_{name.upper()}={path!r}: there is no such file to read"


RULES: tuple[Rule, ...] = (
    _general,
    _doors,
    _edge,
    _accounts,
    _local,
    _places,
    _access,
    _templates,
    _guests,
    _files,
)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def vmids(text: str) -> range:
    """The numbers that guests may have; raises ``ValueError`` with a sentence."""
    first, _, last = text.partition("-")
    if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        raise ValueError("must look like 100000-199999")
    low, high = int(first), int(last)
    if not VMID_EDGES[0] <= low <= high <= VMID_EDGES[1]:
        raise ValueError(f"must go upwards and lie between {VMID_EDGES[0]} and {VMID_EDGES[1]}")
    return range(low, high + 1)


def _can(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
