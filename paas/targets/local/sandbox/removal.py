"""Removing what a guest has written, which may be full of traps."""

import os
import shutil
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from .layout import Guest


def remove_release(guest: Guest, number: int) -> None:
    """Remove a release's files. The guest may have put links in the way: none is followed."""
    with opened(guest, "releases") as releases:
        if releases is not None:
            shutil.rmtree(str(number), ignore_errors=True, dir_fd=releases)
            for suffix in (".env.json", ".built", ".prepared"):
                _unlink(f"{number}{suffix}", releases)


def remove_dependencies(guest: Guest, kept: Collection[str]) -> list[str]:
    """Remove the installed dependencies that are not ``kept``, by hash; returns which."""
    with opened(guest, "dependencies") as folder:
        if folder is None:
            return []
        old = sorted(set(os.listdir(folder)) - set(kept))  # noqa: PTH208 (a descriptor)
        for name in old:
            shutil.rmtree(name, ignore_errors=True, dir_fd=folder)
        return old


@contextmanager
def opened(guest: Guest, name: str) -> Iterator[int | None]:
    """A folder of the guest's home, opened without following links; None when there is none."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    descriptor = None
    try:
        home = os.open(guest.home, flags)
        try:
            descriptor = os.open(name, flags, dir_fd=home)
        finally:
            os.close(home)
    except OSError:
        # It is absent, or a link that the guest has put there: nothing of ours is behind it.
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _unlink(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        return


def remove_tree(folder: Path) -> None:
    """Remove a folder; a folder inside that its owner made read-only is opened first."""
    if not folder.exists() and not folder.is_symlink():
        return
    for _, _, _, descriptor in os.fwalk(folder):
        if not os.fstat(descriptor).st_mode & stat.S_IWUSR:
            os.fchmod(descriptor, 0o700)
    shutil.rmtree(folder)
