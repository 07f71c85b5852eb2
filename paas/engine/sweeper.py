"""Takes up what nobody holds: lost jobs, expired leases, workers that died."""

import shutil
import threading
import time

import structlog
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from paas.domain.errors import PaasError
from paas.domain.states import AppState, GuestState
from paas.engine import lease
from paas.engine.platform import Platform
from paas.store import events, guests, operations
from paas.store.models import App, Guest, Operation
from paas.tools.process import kill_marked

log = structlog.get_logger(__name__)

EVERY_SECONDS = 5.0
RECONCILE_SECONDS = 60.0
PRUNE_SECONDS = 3600.0


class Sweeper:
    """One per host does no harm, nor do several: the lease decides who works."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._reconciled = -RECONCILE_SECONDS
        self._pruned = -PRUNE_SECONDS

    def run(self, end: threading.Event) -> None:
        """Sweep every 5 s until ``end`` is set."""
        while not end.is_set():
            try:
                self.sweep()
            except OperationalError as error:
                log.warning("the database does not answer", error=str(error.orig))
            end.wait(EVERY_SECONDS)

    def sweep(self) -> None:
        """One round."""
        self._take_up()
        now = time.monotonic()
        if now - self._reconciled >= RECONCILE_SECONDS:
            self._reconciled = now
            self._reconcile()
        if now - self._pruned >= PRUNE_SECONDS:
            self._pruned = now
            self._prune()

    def _take_up(self) -> None:
        platform = self._platform
        with platform.store.read() as session:
            due = operations.active(session)
        for one in due:
            abandoned = one.holder is not None and lease.is_dead(one.holder, platform.host)
            if abandoned:
                # Its children write on until they are ended, so they go before the takeover.
                kill_marked(f"{one.uuid}-")
            if (one.free or abandoned) and not one.waiting:
                platform.queue.enqueue(one.id, one.uuid, one.epoch + 1)

    def _reconcile(self) -> None:
        """Bring back guests of this host that lost their supervisor, and remove leftovers."""
        platform = self._platform
        with platform.store.read() as session:
            busy = {
                o.app_id
                for o in session.scalars(
                    select(Operation).where(Operation.state.in_(("queued", "running", "unwinding")))
                )
            }
            rows = session.execute(
                select(Guest, App.state)
                .join(App, App.id == Guest.app_id)
                .where(Guest.state == GuestState.PRESENT)
            ).all()
            present = [
                guests.spec(guest, platform.installation)
                for guest, state in rows
                if guest.app_id not in busy and state != AppState.DELETED
            ]
        for spec in present:
            try:
                if platform.targets[spec.target].revive(spec):
                    log.info("a guest was brought back", guest=spec.uuid, address=spec.address)
            except PaasError as error:
                log.warning("a guest cannot be brought back", guest=spec.uuid, error=error.message)
        self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        """Working folders of operations that have ended: their worker died while it tidied up."""
        with self._platform.store.read() as session:
            active = {one.uuid for one in operations.active(session)}
        for folder in self._platform.folder("work").iterdir():
            if folder.name.rpartition("-")[0] not in active:
                shutil.rmtree(folder, ignore_errors=True)

    def _prune(self) -> None:
        with self._platform.store.write() as session:
            count = events.prune(session, self._platform.settings.log_days)
        if count:
            log.info("old log lines were removed", count=count)
