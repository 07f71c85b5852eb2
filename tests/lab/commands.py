"""Runs the host's programs for the lab, and says in a sentence what went wrong."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.lab.hypervisor import HypervisorError

# Enough for the last words of a program, little enough for a task's log.
SHOWN = 600


def run(
    argv: Sequence[str | Path],
    doing: str,
    *,
    text: str = "",
    timeout: float = 60,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> str:
    """Run a program with ``text`` as its input; returns what it wrote.

    ``doing`` completes the sentence "<doing> failed" of the ``HypervisorError`` that is raised when
    the program is missing, fails, or has not ended after ``timeout`` seconds.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            cwd=folder,
            env=dict(environ) if environ is not None else None,
        )
    except FileNotFoundError:
        raise HypervisorError(f"{doing} failed: {words[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise HypervisorError(
            f"{doing} failed: {words[0]} had not ended after {timeout:g} s"
        ) from None
    if done.returncode:
        words_left = (done.stderr.strip() or done.stdout.strip())[-SHOWN:]
        raise HypervisorError(
            f"{doing} failed: {words[0]} ended with {done.returncode}: {words_left}"
        )
    return done.stdout


def quiet(argv: Sequence[str | Path], *, timeout: float = 60) -> bool:
    """Run a program whose failure is an answer too; says whether it succeeded."""
    try:
        run(argv, "a question", timeout=timeout)
    except HypervisorError:
        return False
    return True


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()
