"""A process that keeps Ansible loaded: how it is started, and how a play is asked of it."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NoReturn

from paas.tools.guarded import MARK, Command

# The word to begin; lines before it are programs that open connections, as lists in JSON.
GO = "go"
SERVER = str(Path(__file__).with_name("ansible_server.py"))
# Where a fork writes what it is, for /proc.
ROOM = " " * 200
# More requests than workers may wait while the process is started again.
SEND_SECONDS = 10.0


class Loaded:
    """The two ends of a socket, and the process at the other end of it, which is single-threaded.

    Several processes may ask at the same time: each message arrives whole.
    """

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.settimeout(SEND_SECONDS)
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, environment: Mapping[str, str], folder: Path) -> "Loaded":
        """In a child of this process, which ends when nobody has this object any more.

        ``folder`` is one that only this user can write to.
        """
        loaded = cls()
        with loaded.theirs:
            loaded._process = subprocess.Popen(
                loaded._arguments(),
                cwd=folder,
                env={**environment, "ROOM": ROOM},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(loaded.theirs.fileno(),),
                start_new_session=True,
            )
        return loaded

    def become(self, environment: Mapping[str, str], folder: Path) -> NoReturn:
        """In this very process, in place of what it runs."""
        os.chdir(folder)
        os.set_inheritable(self.theirs.fileno(), True)
        arguments = self._arguments()
        os.execve(arguments[0], arguments, {**environment, "ROOM": ROOM})  # noqa: S606 (no shell)

    def _arguments(self) -> list[str]:
        return [sys.executable, "-I", SERVER, str(self.theirs.fileno()), ROOM]

    def begin(self, command: Command, line: int, seconds: float) -> "Forked":
        """Ask for a play: ``command`` is its folder and its playbook.

        Raises ``OSError`` when the process is gone. It may be gone a moment later: then the play
        ends before it has begun.
        """
        request = {
            "folder": command.argv[0],
            "playbook": command.argv[1],
            "environment": {**command.env, MARK: command.mark},
            "seconds": seconds,
        }
        with ExitStack() as undo, ExitStack() as given:
            ours: list[int] = []
            theirs: list[int] = []
            for number in range(4):
                reading, writing = os.pipe()
                mine, yours = (writing, reading) if number == 0 else (reading, writing)
                ours.append(mine)
                theirs.append(yours)
                undo.callback(os.close, mine)
                given.callback(os.close, yours)
            socket.send_fds(self.ours, [json.dumps(request).encode()], [line, *theirs])
            undo.pop_all()
        return Forked(*ours)

    def end(self) -> None:
        """End the process, if it is this one's child; plays go on without it."""
        self.ours.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Forked:
    """A play's guard, which is no child of this process."""

    def __init__(self, stdin: int, stdout: int, stderr: int, status: int) -> None:
        self.stdin: IO[bytes] | None = open(stdin, "wb", buffering=0)  # noqa: SIM115
        self.stdout: IO[bytes] | None = open(stdout, "rb", buffering=0)  # noqa: SIM115
        self.stderr: IO[bytes] | None = open(stderr, "rb", buffering=0)  # noqa: SIM115
        self._status = open(status, "rb", buffering=0)  # noqa: SIM115
        self._said = b""
        self._is_open = True

    def has_begun(self, patience: float) -> bool:
        """Whether the play has begun, or never will, ``patience`` seconds from now."""
        if not self._said and self._is_open:
            self._hear(patience)
        return bool(self._said) or not self._is_open

    def wait(self, timeout: float | None = None) -> int:
        """The play's exit code once its guard has ended; negative when that was by a signal."""
        while self._is_open:
            if not self._hear(timeout):
                raise subprocess.TimeoutExpired("ansible-playbook", timeout or 0.0)
        words = self._said.split()
        return int(words[1]) if len(words) > 1 else -signal.SIGKILL

    def kill(self) -> None:
        """SIGKILL the guard, if it lives; one that begins later finds its line closed, and ends."""
        words = self._said.split()
        if not words:
            self._close()
        elif self._is_open and not self._hear(0.0):
            os.kill(int(words[0]), signal.SIGKILL)

    def _hear(self, patience: float | None) -> bool:
        """Take what the guard has said, or its end; False when there was neither in time."""
        ready, _, _ = select.select([self._status], [], [], patience)
        if not ready:
            return False
        data = self._status.read(64)
        self._said += data
        if not data:
            self._close()
        return True

    def _close(self) -> None:
        self._is_open = False
        self._status.close()
