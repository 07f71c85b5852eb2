"""Active health checks: every guest that has a sibling is asked how it is.

A guest alone on its route is left in peace: it gets every request however it is, and checks
would only fill its log. A guest that is new counts as down until its first check, which comes at
once, for it may just be starting.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import h11

from paas.domain.routes import Route, Table, Upstream
from paas.tools.edge.contract import Timing
from paas.tools.edge.peer import GONE, Gone, Peer

WELL_BELOW = 500
MOST_WELLS = 64
"""Good checks in a row that bring a guest back which goes again and again."""
FORGOTTEN_AFTER = 600.0
"""Seconds after which a guest's earlier falls do not count."""


@dataclass
class Record:
    """How often a guest has fallen of late. Each change may be one of Caddy's configuration, so
    a guest that cannot make up its mind has to be well for longer and longer."""

    needed: int = 1
    fell_at: float = -FORGOTTEN_AFTER

    def fall(self) -> None:
        """Count one more."""
        now = time.monotonic()
        is_first = now - self.fell_at >= FORGOTTEN_AFTER
        self.needed = 1 if is_first else min(2 * self.needed, MOST_WELLS)
        self.fell_at = now


class Prober:
    """Knows which guests are down. ``on_change`` is called, in the loop, when that changes."""

    def __init__(self, timing: Timing, on_change: Callable[[], None]) -> None:
        self._timing = timing
        self._on_change = on_change
        self._tasks: dict[tuple[Upstream, str], asyncio.Task[None]] = {}
        self._down: set[Upstream] = set()
        self._known: frozenset[Upstream] = frozenset()
        self._records: defaultdict[Upstream, Record] = defaultdict(Record)

    @property
    def down(self) -> frozenset[Upstream]:
        """The guests that did not answer, or answered that they cannot."""
        return frozenset(self._down)

    def follow(self, table: Table) -> None:
        """Check the guests of this table and no others."""
        wanted = {
            (one, route.health_path): route
            for route in table.routes
            if len(route.upstreams) > 1
            for one in route.upstreams
        }
        for key in self._tasks.keys() - wanted.keys():
            self._tasks.pop(key).cancel()
        self._down &= {one for one, _ in wanted}
        for key in wanted.keys() - self._tasks.keys():
            if key[0] not in self._known:
                self._down.add(key[0])
            self._tasks[key] = asyncio.create_task(self._watch(key[0], wanted[key]))
        self._known = table.upstreams()
        for gone in self._records.keys() - self._known:
            del self._records[gone]

    def refused(self, upstream: Upstream) -> None:
        """Somebody could not connect to the guest: it is down until a check says otherwise."""
        if any(one == upstream for one, _ in self._tasks):
            self._note(upstream, well=False)

    async def close(self) -> None:
        """End all checks."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, upstream: Upstream, route: Route) -> None:
        failures, wells = self._timing.falls, 0
        while True:
            well = await is_well(upstream, route, self._timing.timeout)
            failures, wells = (0, wells + 1) if well else (failures + 1, 0)
            if failures >= self._timing.falls or wells >= self._records[upstream].needed:
                self._note(upstream, well=well)
            is_fine = well and upstream not in self._down
            await asyncio.sleep(self._timing.check if is_fine else self._timing.recheck)

    def _note(self, upstream: Upstream, *, well: bool) -> None:
        if well and upstream in self._down:
            self._down.discard(upstream)
        elif not well and upstream not in self._down:
            self._down.add(upstream)
            self._records[upstream].fall()
        else:
            return
        self._on_change()


async def is_well(upstream: Upstream, route: Route, patience: float) -> bool:
    """One check: whether the guest answers the route's health path below 500."""
    peer: Peer | None = None
    try:
        async with asyncio.timeout(patience):
            peer = await Peer.guest(upstream.address, upstream.port, patience)
            await peer.send(_question(route))
            await peer.send(h11.EndOfMessage())
            while isinstance(event := await peer.event(), h11.InformationalResponse):
                pass
    except (*GONE, Gone, h11.ProtocolError):
        return False
    finally:
        if peer is not None:
            peer.abort()
    return isinstance(event, h11.Response) and event.status_code < WELL_BELOW


def _question(route: Route) -> h11.Request:
    return h11.Request(
        method="GET",
        target=route.health_path,
        headers=[
            ("Host", route.hosts[0]),
            ("User-Agent", "paas-edge (health check)"),
            ("Accept", "*/*"),
            ("Connection", "close"),
        ],
    )
