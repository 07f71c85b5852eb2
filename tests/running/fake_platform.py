"""A platform of tiny children under the real manager, run as a program by the tests.

Arguments: the folder for files, then the stop timeout. Every child writes its pid to
``<folder>/<name>.<pid>`` when it is ready for signals.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from paas.running.child import Role
from paas.running.journal import Journal, LogFile, Terminal
from paas.running.manager import Manager
from paas.running.probe import Probe


def idle(folder: Path, name: str) -> None:
    """Wait until SIGTERM, like web and sweeper."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    (folder / f"{name}.{os.getpid()}").touch()
    while True:
        signal.pause()


def busy(folder: Path) -> None:
    """A worker with a Terraform that ends when the file ``done`` is there, whatever the signal."""
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    script = (
        f"import os, time\nwhile not os.path.exists({str(folder / 'done')!r}): time.sleep(0.01)"
    )
    with subprocess.Popen([sys.executable, "-S", "-c", script]) as terraform:
        (folder / f"terraform.{terraform.pid}").touch()
        (folder / f"worker.{os.getpid()}").touch()
        terraform.wait()
    while not stopped:
        time.sleep(0.01)


def chatty(folder: Path) -> None:
    """Says something in every way that a process can, then waits."""
    record = '{"time": "2026-01-01T00:00:00Z", "level": "info", "message": "a record", "n": 1}'
    sys.stdout.write(f"plain words\n{record}\n")
    sys.stdout.flush()
    sys.stderr.write('{"type": "foreign json"}\n')
    sys.stdout.write("two\nlines \x1b[31mred\x1b[0m \x07\n")
    sys.stdout.write("x" * 200_000 + "\nend\n")
    sys.stdout.flush()
    idle(folder, "chatty")


class Silence(Probe):
    """A web process that takes the question and never answers."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()

    def fileno(self) -> int:
        return self._ours.fileno()

    def ask(self) -> None:
        """Ask nobody."""

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()


def main() -> int:
    folder, stop_timeout = Path(sys.argv[1]), float(sys.argv[2])
    names = sys.argv[3:]
    known = {
        "web": Role("web", partial(idle, folder, "web")),
        "worker": Role("worker", partial(busy, folder), patient=True),
        "chatty": Role("chatty", partial(chatty, folder)),
        "dead": Role("dead", partial(sys.exit, 3)),
        "first": Role(
            "first",
            partial(idle, folder, "first"),
            first=True,
            answers=lambda: any(folder.glob("first.*")),
        ),
    }
    # A platform with a dead child is never ready.
    probe = Silence() if "dead" in names else None
    journal = Journal(LogFile(folder / "logs" / "paas.log"), Terminal())
    manager = Manager(
        [known[name] for name in names],
        journal,
        stop_timeout=stop_timeout,
        probe=probe,
        on_ready=lambda: journal.say("ready"),
    )
    code = manager.run()
    journal.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
