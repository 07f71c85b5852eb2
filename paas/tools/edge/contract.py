"""What an edge can do, whichever program it is."""

from collections.abc import Set
from dataclasses import dataclass
from typing import Protocol

from paas.domain.routes import Table, Upstream

UNKNOWN = "No app is served under this name."
SILENT = "No guest of this app answers now. Try again in a moment."


@dataclass(frozen=True)
class Timing:
    """How often and how long, in seconds; tests are less patient."""

    look: float = 0.2
    """Between two looks at the table's file."""
    check: float = 5.0
    """Between two checks of a guest that is well."""
    recheck: float = 1.0
    """Between two checks of one that is not."""
    timeout: float = 5.0
    """For the answer to a check."""
    falls: int = 2
    """So many failed checks in a row take a guest out."""
    confirm: float = 2.0
    """Between two looks whether the edge still has what it was told."""
    grace: float = 5.0
    """For the edge to answer before a line is written: at a start it begins beside us."""


class Edge(Protocol):
    """Leads requests to guests. All methods may raise ``Unavailable``."""

    async def open(self) -> None:
        """Begin to serve."""

    async def apply(self, table: Table, down: Set[Upstream]) -> None:
        """Serve by this table from now on; requests under way are not disturbed.

        Guests in ``down`` get nothing, unless all of their route are: then it cannot be worse.
        """

    async def holds(self) -> bool:
        """Whether it still serves by what was applied last."""

    async def close(self) -> None:
        """End: requests under way are given a few seconds."""


def chosen(upstreams: tuple[Upstream, ...], down: Set[Upstream]) -> tuple[Upstream, ...]:
    """Those of a route's guests that may be asked: the well ones, or all when none is."""
    return tuple(one for one in upstreams if one not in down) or upstreams
