"""What the live settings say now, for every room that follows them."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from paas.domain.live import LiveSettings
from paas.store import live_settings
from paas.store.unit_of_work import Store

# A change by another process holds here after so many seconds.
FRESH_SECONDS = 2.0


class LiveReader:
    """The live settings, read again every few seconds at most.

    ``defaults`` are those of the environment, for what nobody has changed.
    """

    def __init__(self, store: Store, defaults: Mapping[str, Any]) -> None:
        self._store = store
        self._defaults = defaults
        self._lock = threading.Lock()
        self._known: LiveSettings | None = None
        self._read_at = 0.0

    def now(self) -> LiveSettings:
        """What holds."""
        with self._lock:
            known, age = self._known, time.monotonic() - self._read_at
        if known is not None and age < FRESH_SECONDS:
            return known
        return self.fresh()

    def fresh(self) -> LiveSettings:
        """What holds, read now."""
        begun = time.monotonic()
        with self._store.read() as session:
            found = LiveSettings(
                **{**self._defaults, **live_settings.load(session, self._store.vault)}
            )
        with self._lock:
            # Of two readers at once, the one that began later knows better.
            if begun >= self._read_at:
                self._known, self._read_at = found, begun
        return found
