"""Active health checks: every guest that has a sibling is asked how it is.

A guest alone on its route is left in peace: it gets every request however it is, and checks
would only fill its log. A guest that is new counts as down until its first check, which comes at
once, for it may just be starting.
"""

import asyncio
from collections.abc import Callable

import h11

from paas.domain.routes import Route, Table, Upstream
from paas.tools.edge.contract import Timing
from paas.tools.edge.peer import GONE, Gone, Peer

WELL_BELOW = 500


class Prober:
    """Knows which guests are down. ``on_change`` is called, in the loop, when that changes."""

    def __init__(self, timing: Timing, on_change: Callable[[], None]) -> None:
        self._timing = timing
        self._on_change = on_change
        self._tasks: dict[tuple[Upstream, str], asyncio.Task[None]] = {}
        self._down: set[Upstream] = set()
        self._known: frozenset[Upstream] = frozenset()

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
        failures = self._timing.falls
        while True:
            well = await is_well(upstream, route, self._timing.timeout)
            failures = 0 if well else failures + 1
            if well or failures >= self._timing.falls:
                self._note(upstream, well=well)
            is_fine = well and upstream not in self._down
            await asyncio.sleep(self._timing.check if is_fine else self._timing.recheck)

    def _note(self, upstream: Upstream, *, well: bool) -> None:
        if well == (upstream in self._down):
            (self._down.discard if well else self._down.add)(upstream)
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
