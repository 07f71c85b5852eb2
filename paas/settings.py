"""The settings of an instance: the only reader of the process environment.

``Settings.read`` collects every broken rule before it raises, so that one start tells all; the
rules are in ``settings_rules``.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from paas import settings_rules
from paas.domain.errors import SettingsError
from paas.settings_rules import TARGETS, vmids

__all__ = ["CHECKOUT", "TARGETS", "Settings", "client_token", "client_url", "environment", "vmids"]

CHECKOUT = Path(__file__).resolve().parent.parent
# These may carry passwords, so no message repeats them.
GUEST_URLS = (
    "guest_apt_mirror",
    "guest_pip_index",
    "guest_pip_find_links",
    "guest_npm_registry",
    "guest_goproxy",
    "guest_proxy",
)
SECRET = frozenset(
    {
        "api_token",
        "database_url",
        "redis_url",
        "proxmox_token",
        "smtp_url",
        "admin_password",
        *GUEST_URLS,
    }
)


@dataclass(frozen=True)
class Settings:
    """All settings; the environment variable of ``field`` is ``PAAS_FIELD``.

    Sizes are in the unit that the name ends with, times in seconds unless the name says days.
    """

    instance: Path
    host: str = "127.0.0.1"
    port: int = 5000
    hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    api_token: str = field(default="", repr=False)
    edge: str = "auto"
    edge_listen: str = ""
    edge_admin: str = ""
    public_url: str = ""
    admin_email: str = ""
    admin_password: str = field(default="", repr=False)
    smtp_url: str = field(default="", repr=False)
    mail_from: str = "paas@localhost"
    database_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
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
    proxmox_token: str = field(default="", repr=False)
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
    proxmox_reachable: tuple[str, ...] = ()
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
        broken += settings_rules.broken(settings) if not broken else []
        if broken:
            raise SettingsError("These settings cannot be used. " + "; ".join(broken))
        return settings

    def secrets(self) -> list[str]:
        """What no log line may show: the token's secret, passwords, and those within URLs."""
        urls = [url for name in GUEST_URLS for url in getattr(self, name).split(",")]
        passwords = [urlsplit(url).password for url in [*urls, self.smtp_url]]
        passwords.append(self.admin_password)
        return [one for one in (self.proxmox_token.partition("=")[2], *passwords) if one]

    @property
    def binds_loopback(self) -> bool:
        """Whether the platform listens on a loopback address only."""
        return settings_rules.is_loopback(self.host)

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
