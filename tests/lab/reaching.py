"""Reaches a guest as the platform does: SSH with a key, the host's key known beforehand."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab.guest_files import host_key

# A guest that is up logs in within a second; a busy machine may need many times that.
PATIENCE = 60.0


class Visitor:
    """A key pair in ``folder``, and what one can do with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        private, self.public = host_key()
        self.key = folder / "visitor"
        self.key.touch(0o600)
        self.key.write_text(private)

    def run(self, address: str, guest_key: str, *words: str) -> str:
        """Run words in a guest as root once it lets us in; raises ``AssertionError`` with why not.

        ``guest_key`` is the only host key that is accepted.
        """
        known = self.folder / "known_hosts"
        known.write_text(f"{address} {guest_key}\n")
        options = ["StrictHostKeyChecking=yes", f"UserKnownHostsFile={known}", "BatchMode=yes"]
        options += ["ConnectTimeout=5", "LogLevel=ERROR", "IdentitiesOnly=yes"]
        command = ["ssh", "-i", str(self.key), *(f"-o{option}" for option in options)]
        command += [f"root@{address}", *words]
        done = subprocess.run(command, capture_output=True, text=True)
        deadline = time.monotonic() + PATIENCE
        # 255 is SSH's own: nobody listens there yet.
        while done.returncode == 255 and time.monotonic() < deadline:
            time.sleep(0.1)
            done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, f"{words}: {done.returncode}: {done.stderr or done.stdout}"
        return done.stdout.strip()


def eventually(holds: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until it holds; fails with ``what`` when it has not by then."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)
