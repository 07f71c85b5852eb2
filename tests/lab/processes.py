"""Ends processes that a killed lab left running, and no others."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path


def end_recorded(record: Path, program: str, seconds: float = 10) -> None:
    """End the process whose id is in ``record`` if it still is ``program`` started for this lab.

    Its arguments must name the record's folder: ids are used again by the kernel.
    """
    with suppress(FileNotFoundError, ValueError):
        pid = int(record.read_text())
        if _is(pid, program, record.parent):
            os.kill(pid, signal.SIGKILL)
            _wait(pid, program, record.parent, seconds)
        record.unlink(missing_ok=True)


def _wait(pid: int, program: str, folder: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while _is(pid, program, folder) and time.monotonic() < deadline:
        time.sleep(0.02)


def _is(pid: int, program: str, folder: Path) -> bool:
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        mine = any(str(folder).encode() in word for word in words)
        return Path(os.fsdecode(words[0])).name == program and mine
    return False
