"""Who of this machine is connected to where, as the kernel tells it."""

import ipaddress
import struct
from collections.abc import Set
from pathlib import Path

from paas.domain.routes import Upstream

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
ESTABLISHED = "01"


def to(upstreams: Set[Upstream]) -> int:
    """How many connections there are from this machine to any of these."""
    return sum(1 for path in TABLES for one in _remotes(path) if one in upstreams)


def _remotes(path: Path) -> list[Upstream]:
    try:
        lines = path.read_text().splitlines()[1:]
    except FileNotFoundError:
        return []
    fields = [line.split() for line in lines]
    return [_endpoint(one[2]) for one in fields if one[3] == ESTABLISHED]


def _endpoint(text: str) -> Upstream:
    """``0100007F:1F90``: words of the machine's own byte order, and a port."""
    host, _, port = text.partition(":")
    words = [int(host[start : start + 8], 16) for start in range(0, len(host), 8)]
    address = ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return Upstream(str(address), int(port, 16))
