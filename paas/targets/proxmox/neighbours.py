"""Where a guest's neighbours are, which its firewall refuses, and whom it may reach among them."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Interface, IPv4Network
from urllib.parse import urlsplit

from paas.domain.addresses import AddressPool
from paas.domain.errors import StepFailed
from paas.settings import Settings
from paas.tools.proxmox import Proxmox, Row

PORTS = {"http": 80, "https": 443}
# How a list of URLs is divided; GOPROXY has both.
BETWEEN = re.compile(r"[,|]")


@dataclass(frozen=True)
class Neighbours:
    """``hosts`` are networks and ranges that guests are in; ``routers`` the ways out of those."""

    hosts: tuple[str, ...] = ()
    routers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Named:
    """What the settings say: a range of addresses, or with DHCP perhaps the network."""

    pool: AddressPool | None = None
    network: IPv4Network | None = None
    bridge: str = "vmbr0"
    vlan: int = 0

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where guests that are made now are, as far as the settings alone tell it."""
        if self.pool:
            return (f"{self.pool.first}-{self.pool.last}",)
        return (str(self.network),) if self.network else ()


def look(proxmox: Proxmox, named: Named, nodes: Collection[str]) -> Neighbours:
    """What the settings say, and else what the nodes say of the bridge."""
    return neighbours(named, () if named.pool else bridges(proxmox, nodes))


def bridges(proxmox: Proxmox, nodes: Collection[str]) -> tuple[Row, ...]:
    """Every bridge of those of the nodes that are online; none named: of all of these."""
    there = [row["node"] for row in proxmox.nodes() if row.get("status") == "online"]
    chosen = [node for node in there if node in nodes or not nodes]
    found = [proxmox.get(f"/nodes/{node}/network", type="any_bridge") for node in chosen]
    return tuple(row for rows in found for row in rows)


def neighbours(named: Named, rows: Iterable[Row]) -> Neighbours:
    """From the settings, and else from the bridges; without ``hosts`` nobody knows where."""
    # A node's address on a bridge is outside of the bridge's VLANs.
    found = [] if named.vlan else [row for row in rows if row["iface"] == named.bridge]
    cards = [card for row in found if (card := _card(row))]
    hosts = named.hosts or tuple(sorted({str(card.network) for card in cards}))
    routers = {str(row["gateway"]) for row in found if row.get("gateway")}
    return Neighbours(hosts, tuple(sorted(one for one in routers if is_among(one, hosts))))


def _card(row: Row) -> IPv4Interface | None:
    """The node's own address on the bridge, with its network; None when it has none."""
    text = row.get("cidr") or f"{row.get('address', '')}/{row.get('netmask', '')}"
    try:
        found = IPv4Interface(str(text))
    except ValueError:
        return None
    return found if found.network.prefixlen < found.max_prefixlen else None


def is_among(address: str, hosts: Iterable[str]) -> bool:
    """Whether an address lies in one of these networks and ranges; what is no IPv4 never does."""
    try:
        found = IPv4Address(address)
    except AddressValueError:
        return False
    return any(_holds(one, found) for one in hosts)


def expect_among(address: str, hosts: Collection[str], hostname: str) -> str:
    """The address that DHCP has given, when guests are kept from each other there."""
    if hosts and not is_among(address, hosts):
        raise StepFailed(
            f"DHCP has given {hostname} the address {address}, and the firewalls of guests refuse "
            f"{', '.join(hosts)} only. Set PAAS_PROXMOX_ADDRESSES=dhcp,net=<the network of "
            f"{address}>"
        )
    return address


def _holds(hosts: str, address: IPv4Address) -> bool:
    first, _, last = hosts.partition("-")
    if last:
        return IPv4Address(first) <= address <= IPv4Address(last)
    return address in IPv4Network(first)


def services(settings: Settings) -> tuple[tuple[str, int], ...]:
    """What guests install from, where the settings name it by its address: with its port."""
    urls = (
        *(settings.guest_apt_mirror, settings.guest_pip_index, settings.guest_pip_find_links),
        *(settings.guest_npm_registry, settings.guest_goproxy, settings.guest_proxy),
        settings.git_mirror,
    )
    return tuple(sorted({end for text in urls for end in _ends(BETWEEN.split(text))}))


def _ends(urls: Sequence[str]) -> Iterator[tuple[str, int]]:
    for url in urls:
        parts = urlsplit(url.strip())
        try:
            address = str(IPv4Address(parts.hostname or ""))
            port = parts.port or PORTS.get(parts.scheme, 0)
        except ValueError:
            continue
        if port:
            yield address, port
