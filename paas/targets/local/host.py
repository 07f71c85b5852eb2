"""This machine, as a node among others."""

import os
import socket
from pathlib import Path

from paas.targets.contract import Machine

MEMINFO = Path("/proc/meminfo")
# An address that nobody has (RFC 5737): only the way to it is asked for, nothing is sent.
ELSEWHERE = ("192.0.2.1", 9)


def machine(guests: Path) -> Machine:
    """The host with its load; ``guests`` is the folder that has one folder for each."""
    memory = _memory(MEMINFO.read_text())
    cores = os.cpu_count() or 1
    return Machine(
        name=socket.gethostname(),
        address=address(),
        cores=cores,
        cores_used=min(float(cores), os.getloadavg()[0]),
        memory=memory["MemTotal"],
        memory_used=memory["MemTotal"] - memory["MemAvailable"],
        guests=sum(one.is_dir() for one in guests.iterdir()) if guests.is_dir() else 0,
        leads=True,
    )


def address() -> str:
    """The address that this machine shows to others; loopback when there is no way out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(ELSEWHERE)
        except OSError:
            return "127.0.0.1"
        return str(one.getsockname()[0])


def _memory(text: str) -> dict[str, int]:
    """The kernel's figures in MB."""
    rows = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {name: int(value.split()[0]) // 1024 for name, value in rows}
