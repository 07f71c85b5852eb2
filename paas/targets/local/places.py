"""Addresses and users of guests: each guest has its own, and so has each instance."""

import hashlib
import ipaddress
from collections.abc import Iterator
from pathlib import Path

from paas.domain.errors import StepFailed
from paas.targets.local.sandbox import sockets

TRIES = 256
FIRST_UID = 1_000_000
UIDS = 1_000_000_000
FEW_FIRST_UID = 20_000
FEW_UIDS = 40_000
GUESTS = 100_000


def _number(installation: str) -> int:
    """A number that differs between instances and never changes for one."""
    return int.from_bytes(hashlib.sha256(installation.encode()).digest()[:8])


def addresses(network: str, installation: str, index: int) -> Iterator[str]:
    """The addresses of the network that a guest may have, its first choice first."""
    block = ipaddress.IPv4Network(network)
    has_edges = block.num_addresses > 2
    first = int(block.network_address) + (1 if has_edges else 0)
    count = block.num_addresses - (2 if has_edges else 0)
    offset = _number(installation) + index
    for step in range(count):
        yield str(ipaddress.IPv4Address(first + (offset + step) % count))


def choose(network: str, installation: str, index: int, port: int, taken: frozenset[str]) -> str:
    """An address that is not taken and can be listened on right now."""
    tries = 0
    for address in addresses(network, installation, index):
        if address in taken:
            continue
        if sockets.can_listen(address, port):
            return address
        tries += 1
        if tries >= TRIES:
            raise StepFailed(
                f"Port {port} is taken on {tries} addresses of {network} in a row: a program "
                f"probably listens on this port of every address. Find it with "
                f"'ss -ltnp sport = {port}' and end it, or choose another port for the app."
            )
    raise StepFailed(
        f"Every address of {network} is taken. Destroy apps that are not needed, or set "
        "PAAS_LOCAL_NETWORK to a larger network."
    )


def uid(installation: str, vmid: int, uid_map: str | None = None) -> int:
    """The user of a guest where the platform is root: no person and no other guest has it."""
    known = Path("/proc/self/uid_map").read_text() if uid_map is None else uid_map
    if _reaches(known, FIRST_UID + UIDS):
        slot = _number(installation) % (UIDS // GUESTS)
        return FIRST_UID + slot * GUESTS + vmid % GUESTS
    # Inside a container there are often no more than 65,536 users.
    return FEW_FIRST_UID + (_number(installation) + vmid) % FEW_UIDS


def _reaches(uid_map: str, last: int) -> bool:
    rows = [[int(word) for word in line.split()] for line in uid_map.splitlines()]
    return any(first <= FIRST_UID and first + count >= last for first, _, count in rows)
