"""The endpoints that were added while the platform ran: every process sees them at once."""

import threading
from collections.abc import Callable, Mapping, Sequence

from paas.store import endpoints
from paas.store.unit_of_work import Store
from paas.targets.contract import Target

Make = Callable[[str, Mapping[str, str]], Sequence[Target]]
"""Given an endpoint's name, and how it is reached: ``url``, ``token``, ``fingerprint``, ``ca``."""


class Elsewhere:
    """Gives their targets; each is made when its row is new or has changed."""

    def __init__(self, store: Store, make: Make) -> None:
        self._store = store
        self._make = make
        self._lock = threading.Lock()
        self._made: dict[str, tuple[bytes, Sequence[Target]]] = {}

    def __call__(self) -> tuple[Target, ...]:
        with self._store.read() as session:
            rows = [(one.name, one.access or b"") for one in endpoints.added(session)]
        with self._lock:
            self._made = {name: (sealed, self._targets(name, sealed)) for name, sealed in rows}
            return tuple(one for _, found in self._made.values() for one in found)

    def _targets(self, name: str, sealed: bytes) -> Sequence[Target]:
        known = self._made.get(name)
        if known is not None and known[0] == sealed:
            return known[1]
        return self._make(name, self._store.vault.open_map(sealed))
