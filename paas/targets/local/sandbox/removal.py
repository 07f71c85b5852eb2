"""Removing what a guest has written, which may be full of traps."""

import os
import shutil
import stat
from pathlib import Path

from .layout import Guest


def remove_release(guest: Guest, number: int) -> None:
    """Remove a release's files. The guest may have put links in the way: none is followed."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        home = os.open(guest.home, flags)
    except FileNotFoundError:
        return
    try:
        releases = os.open("releases", flags, dir_fd=home)
    except OSError:
        return
    finally:
        os.close(home)
    try:
        shutil.rmtree(str(number), ignore_errors=True, dir_fd=releases)
        _unlink(f"{number}.env.json", releases)
    finally:
        os.close(releases)


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
