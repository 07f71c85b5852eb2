"""The edge's process: follows the table's file, checks the guests, tells the edge."""

import asyncio
import time
from pathlib import Path

import structlog

from paas.domain.errors import Unavailable
from paas.domain.routes import Table
from paas.tools.edge import files
from paas.tools.edge.contract import Edge, Timing
from paas.tools.edge.health import Prober

log = structlog.get_logger(__name__)


class Conductor:
    """Keeps one edge at what ``folder`` says. It needs nobody: the last table is in its file."""

    def __init__(self, folder: Path, timing: Timing | None = None) -> None:
        self._folder = folder
        self._timing = timing or Timing()
        self._changed = asyncio.Event()
        self._table = Table()
        self.seen: tuple[int, int] | None = None
        """The stamp of the file that was looked into last."""
        self._confirmed = 0.0
        self._troubled_since: float | None = None
        self._complaint = ""
        self._is_told = False
        self.prober = Prober(self._timing, self._changed.set)

    @property
    def is_quiet(self) -> bool:
        """Whether the edge has been told all that is known now."""
        return self._is_told and not self._changed.is_set()

    async def run(self, edge: Edge, over: asyncio.Event) -> None:
        """Serve until ``over`` is set."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        await edge.open()
        try:
            while not over.is_set():
                self._look()
                await self._tell(edge)
                await self._wait(over)
        finally:
            await self.prober.close()
            await edge.close()

    def _look(self) -> None:
        """Read the table again when its file is another one; an unreadable one is passed over."""
        stamp = files.stamp(self._folder)
        if stamp is None or stamp == self.seen:
            return
        table = files.read_table(self._folder)
        self.seen = stamp
        if table is not None:
            self._table = table
            self.prober.follow(table)
            self._changed.set()

    async def _tell(self, edge: Edge) -> None:
        due = time.monotonic() - self._confirmed >= self._timing.confirm
        try:
            if due:
                self._confirmed = time.monotonic()
                if not await edge.holds():
                    self._changed.set()
            if self._changed.is_set():
                self._changed.clear()
                self._is_told = False
                table = self._table
                await edge.apply(table, self.prober.down)
                files.write_applied(self._folder, table.digest)
                self._is_told = True
        except Unavailable as error:
            self._changed.set()
            self._complain(error)
        else:
            self._troubled_since, self._complaint = None, ""

    def _complain(self, error: Unavailable) -> None:
        """Say each trouble once, unless it is over in a moment."""
        now = time.monotonic()
        if self._troubled_since is None:
            self._troubled_since = now
        if now - self._troubled_since < self._timing.grace or error.message == self._complaint:
            return
        log.warning(error.message, **({"detail": error.detail} if error.detail else {}))
        self._complaint = error.message

    async def _wait(self, over: asyncio.Event) -> None:
        """Until a guest's health changes, the file may have changed, or it is over."""
        waits = [asyncio.create_task(over.wait())]
        if self._troubled_since is None:
            waits.append(asyncio.create_task(self._changed.wait()))
        await asyncio.wait(waits, timeout=self._timing.look, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()
