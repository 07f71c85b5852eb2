"""The log of an operation: lines go to the database in short batches of their own."""

import threading
from collections.abc import Iterable

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from paas.domain.errors import LeaseLost
from paas.engine.hub import Hub
from paas.engine.redact import Redactor
from paas.store import events, operations
from paas.store.unit_of_work import Store

log = structlog.get_logger(__name__)

BATCH_SECONDS = 0.25
# A child that floods its log is slowed to what the database takes.
MOST_WAITING = 5000
# A build that never stops talking must not fill the database.
MOST_LINES = 20_000


class Journal:
    """Collects the lines of one attempt; a flusher thread writes them under its epoch."""

    def __init__(
        self, store: Store, hub: Hub, app_id: int, topic: str, operation_id: int, epoch: int
    ) -> None:
        self._store, self._hub, self._topic = store, hub, topic
        self._app_id, self._operation_id, self._epoch = app_id, operation_id, epoch
        self._secrets: frozenset[str] = frozenset()
        self._redactor = Redactor(())
        self._taken = 0
        self._lines: list[events.Entry] = []
        self._changed = threading.Condition()
        self._flushing = threading.Lock()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def hide(self, secrets: Iterable[str]) -> None:
        """Keep these values, too, out of every later line."""
        with self._changed:
            more = self._secrets | frozenset(secrets)
            if more != self._secrets:
                self._secrets = more
                self._redactor = Redactor(more)

    def log(self, stream: str, line: str) -> None:
        """Add one line of a stream; waits while the database is far behind."""
        with self._changed:
            self._taken += 1
            if self._taken > MOST_LINES and stream != "platform":
                line = f"more than {MOST_LINES} lines; further output is not kept"
                if self._taken > MOST_LINES + 1:
                    return
            for text in self._redactor.feed(stream, line):
                self._lines.append(events.entry("log", stream, text.replace("\x00", "")))
            self._changed.notify_all()
            self._changed.wait_for(lambda: len(self._lines) < MOST_WAITING or self._ended, 30)

    def clean(self, text: str) -> str:
        """A text without secrets, for messages that are stored elsewhere."""
        return self._redactor.clean(text)

    def flush(self) -> None:
        """Write all lines so far; raises ``LeaseLost`` when another attempt holds the log."""
        with self._flushing:
            batch = self._cut()
            if not batch:
                return
            try:
                with self._store.write() as session:
                    operations.renew(session, self._operation_id, self._epoch)
                    self.write(session, batch)
            except SQLAlchemyError:
                self.put_back(batch)
                raise
        self._hub.publish(self._topic)

    def take(self) -> list[events.Entry]:
        """The lines so far, for a transaction that the caller has not yet begun."""
        with self._flushing:
            return self._cut()

    def put_back(self, lines: list[events.Entry]) -> None:
        """Lines that could not be written go before those that came since."""
        with self._changed:
            self._lines = [*lines, *self._lines]

    def write(self, session: Session, lines: list[events.Entry]) -> None:
        """Write lines in a transaction that holds the lease."""
        if lines:
            events.append(
                session,
                self._app_id,
                lines,
                operation_id=self._operation_id,
                epoch=self._epoch,
            )

    def _cut(self) -> list[events.Entry]:
        with self._changed:
            batch, self._lines = self._lines, []
            self._changed.notify_all()
        return batch

    def close(self) -> None:
        """Stop collecting; lines that are still there are written if the lease allows."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join()
        self._flush_or_say()

    def _run(self) -> None:
        while not self._ended:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._lines) or self._ended)
                # Lines come in bursts: a short wait makes one transaction of many.
                self._changed.wait_for(lambda: self._ended, BATCH_SECONDS)
            self._flush_or_say()

    def _flush_or_say(self) -> None:
        try:
            self.flush()
        except LeaseLost:
            log.info("log lines of a lost lease were dropped", operation=self._operation_id)
        except SQLAlchemyError as error:
            log.warning("log lines could not be written yet", error=str(error))
