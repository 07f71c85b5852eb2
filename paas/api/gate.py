"""A bound on the requests that hold a thread for long, so that short ones always find one."""

import threading
from collections.abc import Callable

THREADS_KEPT_FREE = 8


class Gate:
    """Counts waits and streams together; ``places`` of them may be inside at once."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._inside = 0
        self._lock = threading.Lock()

    @property
    def inside(self) -> int:
        """How many are inside now."""
        return self._inside

    def enter(self) -> Callable[[], None] | None:
        """Take a place and get the function that gives it back (once, however often it is
        called); None when all are taken."""
        with self._lock:
            if self._inside >= self.places:
                return None
            self._inside += 1
        left = threading.Lock()

        def leave() -> None:
            if left.acquire(blocking=False):
                with self._lock:
                    self._inside -= 1

        return leave
