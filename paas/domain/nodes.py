"""Nodes: the machines that guests live on. Document 000 calls them workers."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class NodeState(StrEnum):
    """What the row of a node says."""

    ACTIVE = "active"
    DRAINING = "draining"
    REMOVED = "removed"


OFFLINE = "offline"
"""The status of an active node that is not seen any more."""


@dataclass(frozen=True)
class WorkerSpec:
    """A node to add: one of a known cluster by its name, or a place of its own by its address.

    A place of its own is entered by ``ssh_key`` once, to make it ready, or with an ``api_token``
    that it has already, known by ``fingerprint`` or by ``ca`` (a certificate in PEM).
    ``ssh_host_key`` (``type base64``) is whom SSH expects there; empty believes the first answer.
    """

    name: str
    ip_address: str = ""
    ssh_port: int = 22
    ssh_user: str = "root"
    ssh_key: str = field(default="", repr=False)
    ssh_host_key: str = ""
    auto_provision: bool = False
    api_token: str = field(default="", repr=False)
    fingerprint: str = ""
    ca: str = field(default="", repr=False)


@dataclass(frozen=True)
class Room:
    """How much a node has of something, and how much of it is in use."""

    total: float
    used: float

    @property
    def available(self) -> float:
        return max(0.0, round(self.total - self.used, 2))


@dataclass(frozen=True)
class NodeView:
    """A node: processors in ``cpu``, memory in MB in ``ram``.

    ``guests`` are all that stand there, ``ours`` those that this platform has on its books.
    ``status`` is ``active``, ``draining`` or ``offline``. ``seen_at`` is when the node was last
    seen online; None before that.
    """

    id: str
    name: str
    endpoint: str
    address: str
    status: str
    cpu: Room
    ram: Room
    guests: int
    ours: int
    seen_at: datetime | None


@dataclass(frozen=True)
class Added:
    """A node that was added. ``notes`` are sentences for whoever added it."""

    node: NodeView
    notes: tuple[str, ...] = ()
