"""The settings of an instance: the only reader of the process environment.

``Settings.read`` collects every broken rule before it raises, so that one start tells all.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from paas.domain.addresses import AddressPool
from paas.domain.errors import SettingsError

CHECKOUT = Path(__file__).resolve().parent.parent
TARGETS = ("local", "proxmox")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
# These may carry passwords, so no message repeats them.
SECRET = frozenset({"api_token", "database_url", "redis_url", "proxmox_token"})
SHORTEST_TOKEN = 16
HOST_NAME = re.compile(r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\]")
GIT_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?")
PROXMOX_URL = re.compile(r"https://[A-Za-z0-9._\[\]:-]{1,255}/?")
PROXMOX_TOKEN = re.compile(r"[^\s@!=]+@[^\s@!=]+![^\s@!=]+=[0-9A-Za-z-]{8,64}")
FINGERPRINT = re.compile(r"([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}")
# Proxmox's own names: of nodes, storages, bridges, pools.
PVE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,62}")
VOLUME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*:vztmpl/[A-Za-z0-9._+:~-]+")
WEB_URL = re.compile(r"https?://[^\s]+")
# The lowest vmid that Proxmox takes, and the highest.
VMID_EDGES = (100, 999_999_999)


@dataclass(frozen=True)
class Settings:
    """All settings; the environment variable of ``field`` is ``PAAS_FIELD``.

    Sizes are in the unit that the name ends with, times in seconds unless the name says days.
    """

    instance: Path
    host: str = "127.0.0.1"
    port: int = 5000
    hosts: tuple[str, ...] = ()
    api_token: str = ""
    database_url: str = ""
    redis_url: str = ""
    target: str = "local"
    local_unsafe: bool = False
    local_network: str = "127.77.0.0/16"
    git_mirror: str = ""
    git_hosts: tuple[str, ...] = ()
    workers: int = 2
    threads: int = 64
    deploy_wait: int = 300
    body_limit_kb: int = 64
    source_limit_mb: int = 512
    step_timeout: int = 1800
    health_timeout: int = 60
    stop_timeout: int = 60
    releases_kept: int = 5
    log_days: int = 30
    terraform: str = ""
    terraform_mirror: str = ""
    proxmox_url: str = ""
    proxmox_token: str = ""
    proxmox_ca_file: str = ""
    proxmox_fingerprint: str = ""
    proxmox_insecure: bool = False
    proxmox_nodes: tuple[str, ...] = ()
    proxmox_storage: str = "local-lvm"
    proxmox_bridge: str = "vmbr0"
    proxmox_vlan: int = 0
    proxmox_addresses: str = "dhcp"
    proxmox_dns: tuple[str, ...] = ()
    proxmox_pool: str = "paas"
    proxmox_vmids: str = "100000-199999"
    proxmox_lxc_template: str = ""
    proxmox_vm_template: int = 0
    proxmox_timeout: int = 30
    proxmox_patience: int = 3600
    proxmox_ssh_from: tuple[str, ...] = ()
    proxmox_unlock_key: str = ""
    snapshots: int = 0
    snapshot_restore: bool = False
    guest_apt_mirror: str = ""
    guest_pip_index: str = ""
    guest_pip_find_links: str = ""
    guest_npm_registry: str = ""
    guest_goproxy: str = ""
    guest_proxy: str = ""
    guest_ca_file: str = ""
    log_level: str = "INFO"

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read and check the settings; raises ``SettingsError`` naming every broken one."""
        given = os.environ if environ is None else environ
        values: dict[str, object] = {}
        broken: list[str] = []
        for item in fields(cls):
            name = f"PAAS_{item.name.upper()}"
            text = given.get(name, "")
            if text == "":
                continue
            try:
                values[item.name] = _parse(item.type, text)
            except ValueError as error:
                shown = name if item.name in SECRET else f"{name}={text!r}"
                broken.append(f"{shown}: {error}")
        values.setdefault("instance", default_instance())
        settings = cls(**values)  # type: ignore[arg-type]
        broken += settings._broken_rules() if not broken else []
        if broken:
            raise SettingsError("These settings cannot be used. " + "; ".join(broken))
        return settings

    def _broken_rules(self) -> list[str]:
        broken = []
        if self.target not in TARGETS:
            broken.append(f"PAAS_TARGET={self.target!r}: must be one of {', '.join(TARGETS)}")
        if not 0 <= self.port <= 65535:
            broken.append(f"PAAS_PORT={self.port}: must be between 0 and 65535")
        if self.workers < 1:
            broken.append("PAAS_WORKERS: at least 1 worker is needed")
        if self.threads < 16:
            broken.append("PAAS_THREADS: at least 16 threads are needed, 8 stay free of waits")
        for name in (
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
        ):
            if getattr(self, name) < 1:
                broken.append(f"PAAS_{name.upper()}: must be at least 1")
        if self.log_level not in LOG_LEVELS:
            broken.append(
                f"PAAS_LOG_LEVEL={self.log_level!r}: must be one of {', '.join(LOG_LEVELS)}"
            )
        return [
            *broken,
            *self._broken_door_rules(),
            *self._broken_local_rules(),
            *self._broken_proxmox_rules(),
            *self._broken_guest_rules(),
        ]

    def _broken_door_rules(self) -> list[str]:
        broken = []
        if self.api_token and (
            len(self.api_token) < SHORTEST_TOKEN
            or not self.api_token.isascii()
            or not self.api_token.isprintable()
            or " " in self.api_token
        ):
            broken.append(
                f"PAAS_API_TOKEN: must be at least {SHORTEST_TOKEN} visible ASCII characters; "
                "leave it unset to let the instance make its own"
            )
        broken += [
            f"PAAS_HOSTS: {name!r} is no host name; give names without scheme, port or path, "
            "with commas between them"
            for name in self.hosts
            if not HOST_NAME.fullmatch(name)
        ]
        broken += [
            f"PAAS_GIT_HOSTS: {name!r} is no host; give names, with a port where they have one "
            "of their own, without scheme or path, with commas between them"
            for name in self.git_hosts
            if not GIT_HOST.fullmatch(name)
        ]
        return broken

    def _broken_local_rules(self) -> list[str]:
        broken = []
        try:
            network = ipaddress.ip_network(self.local_network)
            if not network.is_loopback or network.version != 4:
                broken.append(f"PAAS_LOCAL_NETWORK={self.local_network!r}: must lie in 127.0.0.0/8")
        except ValueError as error:
            broken.append(f"PAAS_LOCAL_NETWORK={self.local_network!r}: {error}")
        if self.target == "local" and not self.binds_loopback and not self.local_unsafe:
            broken.append(
                f"PAAS_HOST={self.host!r}: target local is for one trusting user and serves only "
                "loopback addresses; set PAAS_LOCAL_UNSAFE=1 if you accept that everyone who can "
                "reach this address and knows the token runs code as this user"
            )
        return broken

    def _broken_proxmox_rules(self) -> list[str]:
        broken = []
        for name, read in (("proxmox_addresses", AddressPool.parse), ("proxmox_vmids", vmids)):
            try:
                read(getattr(self, name))
            except ValueError as error:
                broken.append(f"PAAS_{name.upper()}={getattr(self, name)!r}: {error}")
        for name in ("proxmox_storage", "proxmox_bridge", "proxmox_pool"):
            if not PVE_NAME.fullmatch(getattr(self, name)):
                broken.append(f"PAAS_{name.upper()}={getattr(self, name)!r}: is no such name")
        broken += [
            f"PAAS_PROXMOX_NODES: {name!r} is no name of a node"
            for name in self.proxmox_nodes
            if not PVE_NAME.fullmatch(name)
        ]
        broken += [
            f"PAAS_PROXMOX_DNS: {name!r} is no address of a name server"
            for name in self.proxmox_dns
            if not _is_address(name)
        ]
        broken += [
            f"PAAS_PROXMOX_SSH_FROM: {name!r} is no address or network, such as 10.0.0.5 or "
            "10.0.0.0/24"
            for name in self.proxmox_ssh_from
            if not _is_network(name)
        ]
        if not 0 <= self.proxmox_vlan <= 4094:
            broken.append(f"PAAS_PROXMOX_VLAN={self.proxmox_vlan}: must be 1 to 4094, or 0")
        if self.snapshots < 0:
            broken.append("PAAS_SNAPSHOTS: must be 0 (none) or how many are kept")
        return broken + (self._broken_access_rules() if self.target == "proxmox" else [])

    def _broken_access_rules(self) -> list[str]:
        broken = []
        if not PROXMOX_URL.fullmatch(self.proxmox_url):
            broken.append(
                f"PAAS_PROXMOX_URL={self.proxmox_url!r}: must look like https://pve.example.com:8006"
            )
        if not PROXMOX_TOKEN.fullmatch(self.proxmox_token):
            broken.append(
                "PAAS_PROXMOX_TOKEN: must look like user@realm!name=secret; docs/proxmox.md shows "
                "how to make one"
            )
        if self.proxmox_fingerprint and not FINGERPRINT.fullmatch(self.proxmox_fingerprint):
            broken.append(
                "PAAS_PROXMOX_FINGERPRINT: must be the SHA-256 of the certificate, 32 pairs of "
                "hexadecimal digits with colons between them"
            )
        if not self.proxmox_lxc_template and not self.proxmox_vm_template:
            broken.append(
                "PAAS_PROXMOX_LXC_TEMPLATE or PAAS_PROXMOX_VM_TEMPLATE: one of the two is needed, "
                "to make guests from; `paas templates list` shows what there is"
            )
        if self.proxmox_lxc_template and not VOLUME.fullmatch(self.proxmox_lxc_template):
            broken.append(
                f"PAAS_PROXMOX_LXC_TEMPLATE={self.proxmox_lxc_template!r}: must be a volume id "
                "such as local:vztmpl/debian-12.tar.zst"
            )
        if self.proxmox_vm_template and self.proxmox_vm_template < VMID_EDGES[0]:
            broken.append(f"PAAS_PROXMOX_VM_TEMPLATE={self.proxmox_vm_template}: is no vmid")
        return broken

    def _broken_guest_rules(self) -> list[str]:
        names = ("apt_mirror", "pip_index", "pip_find_links", "npm_registry", "proxy")
        broken = [
            f"PAAS_GUEST_{name.upper()}: must be a URL that begins with http:// or https://"
            for name in names
            if (given := getattr(self, f"guest_{name}")) and not WEB_URL.fullmatch(given)
        ]
        for name in ("proxmox_ca_file", "proxmox_unlock_key", "guest_ca_file"):
            given = getattr(self, name)
            if given and not os.access(given, os.R_OK):
                broken.append(f"PAAS_{name.upper()}={given!r}: there is no such file to read")
        return broken

    @property
    def binds_loopback(self) -> bool:
        """Whether the platform listens on a loopback address only."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def body_limit(self) -> int:
        """How many bytes the body of a request may have."""
        return self.body_limit_kb * 1024

    @property
    def log_folder(self) -> Path:
        """``logs/`` of the checkout for the default instance, else a folder of the instance."""
        if self.instance == CHECKOUT / "instance":
            return CHECKOUT / "logs"
        return self.instance / "logs"


def vmids(text: str) -> range:
    """The numbers that guests may have; raises ``ValueError`` with a sentence."""
    first, _, last = text.partition("-")
    if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        raise ValueError("must look like 100000-199999")
    low, high = int(first), int(last)
    if not VMID_EDGES[0] <= low <= high <= VMID_EDGES[1]:
        raise ValueError(f"must go upwards and lie between {VMID_EDGES[0]} and {VMID_EDGES[1]}")
    return range(low, high + 1)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _parse(kind: object, text: str) -> object:
    if "\x00" in text or "\n" in text:
        raise ValueError("must be one line of text")
    if kind is Path:
        return Path(text).expanduser().absolute()
    if kind is int:
        if not re.fullmatch(r"-?[0-9]{1,9}", text):
            raise ValueError("must be a whole number")
        return int(text)
    if kind is bool:
        if text not in ("0", "1"):
            raise ValueError("must be 0 or 1")
        return text == "1"
    if kind is str:
        return text
    return tuple(part.strip() for part in text.split(",") if part.strip())


def environment() -> dict[str, str]:
    """The process environment, for rooms that hand an allowed part of it to their children."""
    return dict(os.environ)


def default_instance() -> Path:
    """``instance/`` of the checkout; for root, whose guests have users of their own and must
    be able to reach their folders, ``/var/lib/paas/<checkout's name>`` when others cannot enter
    the checkout."""
    here = CHECKOUT / "instance"
    if os.geteuid() != 0 or all(p.stat().st_mode & 0o001 for p in CHECKOUT.parents):
        return here
    return Path("/var/lib/paas") / CHECKOUT.name


def client_url(environ: Mapping[str, str] | None = None) -> str:
    """The platform that the command line speaks to: ``PAAS_URL``."""
    given = os.environ if environ is None else environ
    return given.get("PAAS_URL") or "http://127.0.0.1:5000"


def client_token(environ: Mapping[str, str] | None = None) -> tuple[str, Path]:
    """The token to send, or an empty one, and the file where this machine's instance has its."""
    given = os.environ if environ is None else environ
    folder = given.get("PAAS_INSTANCE")
    instance = Path(folder).expanduser().absolute() if folder else default_instance()
    return given.get("PAAS_API_TOKEN", ""), instance / "token"
