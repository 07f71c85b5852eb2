"""The addresses that guests may have, as an administrator writes them."""

import ipaddress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

DHCP = "dhcp"
DHCP_SHAPE = f"{DHCP},net=10.0.0.0/24"
SHAPE = "10.0.0.20-10.0.0.99/24,gw=10.0.0.1"
MOST = 65536


@dataclass(frozen=True)
class AddressPool:
    """A range of static addresses with its gateway (None: no way out), both ends included."""

    first: IPv4Address
    last: IPv4Address
    prefix: int
    gateway: IPv4Address | None

    @classmethod
    def parse(cls, text: str) -> "AddressPool | None":
        """None with DHCP; raises ``ValueError`` with a sentence for anything unusable."""
        if _is_dhcp(text):
            dhcp_network(text)
            return None
        span, _, option = text.partition(",")
        ends, _, bits = span.partition("/")
        first, _, last = ends.partition("-")
        name, _, given = option.partition("=")
        try:
            low, high = IPv4Address(first.strip()), IPv4Address((last or first).strip())
            network = ipaddress.ip_network(f"{low}/{bits}", strict=False)
            gateway = IPv4Address(given.strip()) if option else None
        except ValueError as error:
            raise ValueError(f"must be {DHCP} or look like {SHAPE} ({error})") from None
        if option and name.strip() != "gw":
            raise ValueError(f"must be {DHCP} or look like {SHAPE}")
        if low > high or int(high) - int(low) >= MOST:
            raise ValueError(f"the range must go upwards and hold at most {MOST} addresses")
        if high not in network or (gateway and gateway not in network):
            raise ValueError(f"the range and the gateway must lie in one network, {network}")
        if low == network.network_address or high == network.broadcast_address:
            raise ValueError("a network's own and its broadcast address cannot be a guest's")
        if gateway and low <= gateway <= high:
            raise ValueError("the gateway's address lies inside the range for guests")
        return cls(low, high, int(network.prefixlen), gateway)

    @property
    def size(self) -> int:
        """How many addresses there are."""
        return int(self.last) - int(self.first) + 1

    def choose(self, index: int, taken: frozenset[str]) -> str | None:
        """A free address, beginning at the ``index``-th; None when all are taken.

        Different indexes begin at different places, so an address that was just given back,
        or that a stranger uses, is not asked for again at once.
        """
        for offset in range(self.size):
            address = str(self.first + (index + offset) % self.size)
            if address not in taken:
                return address
        return None


def dhcp_network(text: str) -> IPv4Network | None:
    """The network that DHCP gives addresses from, where it is named: ``dhcp,net=10.0.0.0/24``.

    None for ``dhcp`` alone, and for a range; raises ``ValueError`` with a sentence.
    """
    if not _is_dhcp(text) or text.strip() == DHCP:
        return None
    name, equals, given = text.partition(",")[2].partition("=")
    try:
        network = IPv4Network(given.strip())
    except ValueError as error:
        raise ValueError(f"must be {DHCP} or look like {DHCP_SHAPE} ({error})") from None
    if name.strip() != "net" or not equals:
        raise ValueError(f"must be {DHCP} or look like {DHCP_SHAPE}")
    return network


def _is_dhcp(text: str) -> bool:
    return text.partition(",")[0].strip() == DHCP
