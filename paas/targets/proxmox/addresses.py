"""Addresses of guests: whether one is free, and which one DHCP has given."""

import contextlib
import errno
import select
import socket
import time
from collections.abc import Iterator

from paas.domain.errors import Unreachable
from paas.tools.proxmox import Missing, Proxmox, ProxmoxError, Refused, Row, Spot

# Who is in the same network answers within milliseconds.
SECONDS = 0.4


def answers(address: str, ports: tuple[int, ...]) -> bool:
    """Whether anything there accepts or refuses a connection; silence is taken for nobody."""
    waiting: dict[int, socket.socket] = {}
    with contextlib.ExitStack() as stack:
        for port in ports:
            one = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            one.setblocking(False)
            code = one.connect_ex((address, port))
            if code in (0, errno.ECONNREFUSED):
                return True
            if code == errno.EINPROGRESS:
                waiting[one.fileno()] = one
        return _hears(waiting)


def _hears(waiting: dict[int, socket.socket]) -> bool:
    poll = select.poll()
    for number in waiting:
        poll.register(number, select.POLLOUT)
    end = time.monotonic() + SECONDS
    while waiting and (left := end - time.monotonic()) > 0:
        for number, _ in poll.poll(left * 1000):
            code = waiting.pop(number).getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            poll.unregister(number)
            if code in (0, errno.ECONNREFUSED):
                return True
    return False


def given(proxmox: Proxmox, spot: Spot, vmid: int, mac: str) -> str:
    """The IPv4 address that the guest's network card has; empty while it has none."""
    path = f"/nodes/{spot.node}/{spot.kind}/{vmid}"
    try:
        if spot.kind == "lxc":
            cards = proxmox.get(f"{path}/interfaces") or []
        else:
            cards = (proxmox.get(f"{path}/agent/network-get-interfaces") or {}).get("result", [])
    except (Unreachable, Missing, Refused):
        raise
    except ProxmoxError:
        # A guest that is just starting has no network, and its agent does not run.
        return ""
    found = [card for card in cards if _mac(card) == mac.lower()]
    return next((address for card in found for address in _addresses(card)), "")


def _mac(card: Row) -> str:
    return str(card.get("hwaddr") or card.get("hardware-address") or "").lower()


def _addresses(card: Row) -> Iterator[str]:
    if inet := str(card.get("inet") or ""):
        yield inet.partition("/")[0]
    for row in card.get("ip-addresses") or []:
        address = str(row.get("ip-address", ""))
        if address and ":" not in address and not address.startswith("169.254."):
            yield address
