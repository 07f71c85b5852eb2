"""Programs that the tests start are ended by pid, whatever becomes of the test."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")
DEADLINE = 60.0
FAKE = Path(__file__).with_name("fake_platform.py")


def wait_for(look: Callable[[], T], what: str) -> T:
    """The first true answer of ``look``, asked until the deadline."""
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    pytest.fail(f"{what} did not happen in {DEADLINE:g} s")


def alive(pid: int) -> bool:
    """Whether the process is there and not only waiting to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


class FakePlatform:
    """The fake platform in a session of its own, as a terminal's foreground group."""

    def __init__(self, folder: Path, roles: tuple[str, ...], stop_timeout: float) -> None:
        self.folder = folder
        self.output = folder / "terminal.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(FAKE), str(folder), str(stop_timeout), *roles],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def pids(self, name: str) -> list[int]:
        """All processes that ``name`` has had, the ready ones."""
        return sorted(int(path.suffix[1:]) for path in self.folder.glob(f"{name}.[0-9]*"))

    def wait_pid(self, name: str, *, but: tuple[int, ...] = ()) -> int:
        """The pid of ``name`` as soon as it is ready, another one than ``but``."""
        found = wait_for(lambda: [p for p in self.pids(name) if p not in but], f"start of {name}")
        return found[0]

    def wait_text(self, text: str) -> str:
        """What the terminal shows, as soon as it shows ``text``."""
        return wait_for(lambda: self.shown() if text in self.shown() else "", repr(text))

    def shown(self) -> str:
        return self.output.read_text()

    def wait_end(self) -> int:
        return self.process.wait(DEADLINE)

    def press_ctrl_c(self) -> None:
        """What the terminal's driver does: SIGINT to the whole foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def close(self) -> None:
        """End what the test left: the manager, and the children that it may have outlived."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for path in self.folder.glob("*.[0-9]*"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(path.suffix[1:]), signal.SIGKILL)
