"""Takes up what nobody holds: lost jobs, expired leases, workers that died."""

import shutil
import threading
import time
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from paas.domain.live import LiveSettings
from paas.domain.states import AppState
from paas.engine import archives, edge, heartbeat, lease, metering, pushes, reconciler, suspension
from paas.engine.platform import Platform
from paas.store import accounts, events, operations
from paas.store.models import App
from paas.tools.git_commands import cache_name
from paas.tools.process import kill_marked

log = structlog.get_logger(__name__)

EVERY_SECONDS = 5.0
RECONCILE_SECONDS = 60.0
BEAT_SECONDS = 60.0
ARCHIVE_SECONDS = 60.0
TIDY_SECONDS = 60.0
PRUNE_SECONDS = 3600.0
PRUNE_ROWS = 400
CACHE_SECONDS = 24 * 3600.0
DOWNLOAD_SECONDS = 3600.0
# Templates are built, and nodes are made ready, without an operation, within a day.
BUILDS = ("template-", "node-")
BUILD_SECONDS = 24 * 3600.0


class Sweeper:
    """One per host does no harm, nor do several: the lease decides who works."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._tidied = -TIDY_SECONDS
        self._pruned = -PRUNE_SECONDS
        self._kept_days = 0

    def run(self, end: threading.Event) -> None:
        """Sweep every 5 s until ``end`` is set; guests, nodes and archives have threads.

        A cluster or a store that does not answer must not keep operations from being taken up.
        """
        for work in (self._reconcile, self._beat, self._archive, self._route):
            threading.Thread(target=work, args=(end,), name=work.__name__, daemon=True).start()
        while not end.is_set():
            try:
                self.sweep()
            except OperationalError as error:
                log.warning("the database does not answer", error=str(error.orig))
            except Exception:
                # Whatever one round stumbles over, operations must be taken up all the same.
                log.exception("a round of the sweeper ended early")
            end.wait(EVERY_SECONDS)

    def sweep(self) -> None:
        """One round."""
        self._take_up()
        suspension.begin_waiting(self._platform)
        pushes.begin_waiting(self._platform)
        now = time.monotonic()
        if now - self._tidied >= TIDY_SECONDS:
            self._tidied = now
            self._remove_leftovers()
            metering.count_hours(self._platform)
        live = self._platform.live.now()
        if now - self._pruned >= PRUNE_SECONDS or live.loki_retention_days != self._kept_days:
            self._pruned, self._kept_days = now, live.loki_retention_days
            self._prune(live)

    def _reconcile(self, end: threading.Event) -> None:
        while not end.is_set():
            try:
                reconciler.reconcile(self._platform)
            except Exception:
                # Whatever one round stumbles over, the next ones are needed all the same.
                log.exception("a round over the guests ended early")
            end.wait(RECONCILE_SECONDS)

    def _beat(self, end: threading.Event) -> None:
        while not end.is_set():
            try:
                heartbeat.beat(self._platform)
            except Exception:
                log.exception("a look at the nodes ended early")
            end.wait(BEAT_SECONDS)

    def _archive(self, end: threading.Event) -> None:
        while not end.is_set():
            try:
                archives.look_after(self._platform)
            except Exception:
                log.exception("a round over the archives ended early")
            end.wait(ARCHIVE_SECONDS)

    def _route(self, end: threading.Event) -> None:
        while not end.is_set():
            try:
                edge.follow(self._platform, end)
            except Exception:
                log.exception("the edge's routes were not followed for a moment")
            end.wait(EVERY_SECONDS)

    def _take_up(self) -> None:
        platform = self._platform
        with platform.store.read() as session:
            due = operations.active(session)
        for one in due:
            abandoned = one.holder is not None and lease.is_dead(one.holder, platform.host)
            if abandoned:
                # Its children write on until they are ended, so they go before the takeover.
                kill_marked(f"{one.uuid}-{one.epoch}")
            if (one.free or abandoned) and not one.waiting:
                platform.queue.enqueue(one.id, one.uuid, one.epoch + 1)

    def _remove_leftovers(self) -> None:
        """Working folders of operations that have ended: their worker died while it tidied up."""
        # The folders first: one that is made after the look belongs to a younger operation.
        folders = list(self._platform.folder("work").iterdir())
        with self._platform.store.read() as session:
            active = {one.uuid for one in operations.active(session)}
        for folder in folders:
            is_build = folder.name.startswith(BUILDS) and _age(folder) < BUILD_SECONDS
            if not is_build and folder.name.rpartition("-")[0] not in active:
                shutil.rmtree(folder, ignore_errors=True)

    def _prune(self, live: LiveSettings) -> None:
        if not live.uses_s3:  # There, lines leave the database once the store has them.
            self._drop_lines(live.loki_retention_days)
        self._drop_caches()
        self._drop_downloads()
        with self._platform.store.write() as session:
            accounts.forget(session)

    def _drop_lines(self, days: int) -> None:
        count, found = 0, PRUNE_ROWS
        while found == PRUNE_ROWS:
            # One short transaction after the other: nobody waits long for the database.
            with self._platform.store.write() as session:
                found = events.prune(session, days, PRUNE_ROWS)
            count += found
        if count:
            log.info("old log lines were removed", count=count)

    def _drop_caches(self) -> None:
        """Caches of repositories that no app uses any more, a day after their last use."""
        with self._platform.store.read() as session:
            rows = session.execute(
                select(App.repository, App.uuid, App.credential.is_not(None)).where(
                    App.state != AppState.DELETED
                )
            )
            used = {cache_name(url, uuid if private else "") for url, uuid, private in rows}
        for folder in self._platform.folder("git").iterdir():
            if folder.is_dir() and folder.name not in used and _age(folder) > CACHE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)

    def _drop_downloads(self) -> None:
        """What a web process that was killed left of a download: it holds a state."""
        for folder in self._platform.folder("run").glob("tmp*"):
            if _age(folder) > DOWNLOAD_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _age(folder: Path) -> float:
    """Seconds since a folder was last written to; 0 when it has just gone."""
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0
