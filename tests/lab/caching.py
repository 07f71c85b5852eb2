"""Makes a folder of the cache once, also when several processes ask for it at a time."""

import fcntl
from collections.abc import Callable
from pathlib import Path

from tests.lab.commands import remove


def once(cache: Path, name: str, fill: Callable[[Path], None]) -> Path:
    """The folder ``name``; ``fill`` makes it where it is told to when there is none.

    A second process waits for the first. What a killed one left half-made is removed.
    """
    place, making = cache / name, cache / f".{name}"
    if place.is_dir():
        return place
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if place.is_dir():
            return place
        remove(making)
        try:
            fill(making)
            making.rename(place)
        except BaseException:
            remove(making)
            raise
    return place
