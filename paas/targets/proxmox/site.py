"""What a Proxmox target is told of its place, once, from the settings."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from paas.domain.addresses import AddressPool, dhcp_network
from paas.settings import Settings, vmids
from paas.targets.proxmox import neighbours
from paas.targets.proxmox.neighbours import Named
from paas.tools.proxmox import Access

# Of the settings there is one cluster, whatever node of it the URL names; others were added.
ENDPOINT = "proxmox"


@dataclass(frozen=True)
class Site:
    """``addresses`` is None with DHCP, and ``network`` then perhaps the one that it gives from;
    ``services`` are the addresses and ports of what guests install from, ``reachable`` what they
    may reach besides. ``public_key`` is the one that guests are entered with.

    ``task_seconds`` is how long one task of Proxmox may take, ``stop_seconds`` how long a guest
    may take to end by itself. ``unlock_key`` is a file, or empty.
    """

    access: Access
    installation: str
    public_key: str
    vmids: range
    addresses: AddressPool | None
    network: IPv4Network | None = None
    nodes: tuple[str, ...] = ()
    storage: str = "local-lvm"
    bridge: str = "vmbr0"
    vlan: int = 0
    dns: tuple[str, ...] = ()
    pool: str = "paas"
    lxc_template: str = ""
    vm_template: int = 0
    ssh_from: tuple[str, ...] = ()
    services: tuple[tuple[str, int], ...] = ()
    reachable: tuple[str, ...] = ()
    unlock_key: str = ""
    task_seconds: float = 1800.0
    stop_seconds: float = 60.0
    endpoint: str = ENDPOINT

    @classmethod
    def of(cls, settings: Settings, installation: str, public_key: str) -> "Site":
        """The place that the settings describe."""
        key = settings.proxmox_unlock_key
        return cls(
            access=access_of(settings),
            installation=installation,
            public_key=public_key,
            vmids=vmids(settings.proxmox_vmids),
            addresses=AddressPool.parse(settings.proxmox_addresses),
            network=dhcp_network(settings.proxmox_addresses),
            nodes=settings.proxmox_nodes,
            storage=settings.proxmox_storage,
            bridge=settings.proxmox_bridge,
            vlan=settings.proxmox_vlan,
            dns=settings.proxmox_dns,
            pool=settings.proxmox_pool,
            lxc_template=settings.proxmox_lxc_template,
            vm_template=settings.proxmox_vm_template,
            ssh_from=settings.proxmox_ssh_from,
            services=neighbours.services(settings),
            reachable=settings.proxmox_reachable,
            unlock_key=str(Path(key).expanduser()) if key else "",
            task_seconds=float(settings.step_timeout),
            stop_seconds=float(settings.stop_timeout),
        )

    @property
    def named(self) -> Named:
        """What the settings said of where guests are."""
        return Named(self.addresses, self.network, self.bridge, self.vlan)


def named_of(settings: Settings) -> Named:
    """What the settings say of where guests are."""
    return Named(
        AddressPool.parse(settings.proxmox_addresses),
        dhcp_network(settings.proxmox_addresses),
        settings.proxmox_bridge,
        settings.proxmox_vlan,
    )


def access_of(settings: Settings) -> Access:
    """How the settings say that Proxmox is reached."""
    return Access(
        url=settings.proxmox_url,
        token=settings.proxmox_token,
        ca_file=settings.proxmox_ca_file,
        fingerprint=settings.proxmox_fingerprint,
        insecure=settings.proxmox_insecure,
        timeout=float(settings.proxmox_timeout),
        pool=settings.proxmox_pool,
    )


def access_elsewhere(settings: Settings, endpoint: str, known: Mapping[str, str]) -> Access:
    """How an endpoint that was added while running is reached: see ``targets.build_elsewhere``."""
    ca_file = ""
    if known.get("ca"):
        path = settings.instance / "run" / f"{endpoint}-ca.pem"
        # Written beside and moved, for other processes of this instance read it.
        fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
        fresh.write_text(known["ca"])
        fresh.replace(path)
        ca_file = str(path)
    return Access(
        url=known["url"],
        token=known["token"],
        ca_file=ca_file,
        fingerprint=known.get("fingerprint", ""),
        timeout=float(settings.proxmox_timeout),
        pool=settings.proxmox_pool,
    )
