"""Run outside programs under the guard, and end them.

``Bench`` is what an attempt at an operation owns: every program of the attempt is started by
it, carries the attempt's mark, and lives on the attempt's ``Leash``.
"""

import fcntl
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from paas.domain.errors import StepInterrupted
from paas.tools import guard
from paas.tools.guarded import MARK, POLL, Command, Exit, Guarded, Stop, run
from paas.tools.leash import Leash
from paas.tools.lines import OnLine

if TYPE_CHECKING:
    from paas.tools.ansible_loaded import Loaded

__all__ = [
    "Bench",
    "Command",
    "Exit",
    "Guarded",
    "Leash",
    "OnLine",
    "Stop",
    "clean_environment",
    "kill_marked",
    "run",
]

INHERITED = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
        *("http_proxy", "https_proxy", "no_proxy", "all_proxy", "REQUESTS_CA_BUNDLE"),
    }
)


def clean_environment(base: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, str]:
    """What a child may know of ``base``, by an allow-list, with ``extra`` over it."""
    kept = {name: value for name, value in base.items() if name in INHERITED}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", **kept, **extra}


@dataclass(frozen=True)
class Bench:
    """Where the programs of one attempt run: its leash, its mark, its way to be stopped.

    ``environment`` is the platform's own; children see the allowed part. ``deadline`` is in
    seconds and holds for each program. ``log(stream, line)`` takes readable lines. ``loaded``
    plays at once; without it each play loads Ansible for itself.
    """

    mark: str
    environment: Mapping[str, str]
    log: Callable[[str, str], None]
    leash: Leash = field(default_factory=Leash)
    deadline: float = 1800.0
    stop: Stop | None = None
    loaded: "Loaded | None" = None

    def command(
        self, argv: list[str], *, cwd: Path, name: str, extra: Mapping[str, str]
    ) -> Command:
        """A command of this attempt with a clean environment plus ``extra``."""
        env = clean_environment(self.environment, extra)
        return Command(tuple(argv), cwd, env, self.mark, name=name)

    def run(self, command: Command, *, on_line: OnLine, on_error: OnLine | None = None) -> Exit:
        """Run a command on this attempt's leash and deadline."""
        return run(
            command,
            on_line=on_line,
            on_error=on_error,
            deadline=self.deadline,
            leash=self.leash,
            stop=self.stop,
        )

    def wait_for_lock(self, descriptor: int) -> None:
        """Take a file's lock as soon as its holder lets go; stop and deadline hold meanwhile."""
        end = time.monotonic() + self.deadline
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self.stop and (reason := self.stop()):
                    raise reason from None
                if time.monotonic() > end:
                    raise StepInterrupted("waited too long for another process's lock") from None
                time.sleep(POLL / 4)
            else:
                return

    def within(self, deadline: float) -> "Bench":
        """The same bench with another deadline."""
        return replace(self, deadline=deadline)


def kill_marked(mark_prefix: str) -> int:
    """Kill what is left on this host of attempts whose mark begins so, with all descendants.

    Give a prefix that ends where the operation's id does, such as ``<operation>-``. Processes
    that run guests are spared. Returns how many processes were killed.
    """
    wanted = f"{MARK}={mark_prefix}".encode()
    end = time.monotonic() + guard.GIVE_UP
    killed: set[int] = set()
    while time.monotonic() < end:
        tree = guard.children_of_all()
        marked = [pid for pids in tree.values() for pid in pids if _is_marked(pid, wanted)]
        doomed = [*guard.descendants(marked, tree), *marked]
        alive = [pid for pid in dict.fromkeys(doomed) if guard.kill([pid])]
        if not alive:
            break
        killed.update(alive)
        time.sleep(0.002)
    return len(killed)


def _is_marked(pid: int, wanted: bytes) -> bool:
    entries = guard.environ(pid)
    return (
        pid != os.getpid()
        and any(entry.startswith(wanted) for entry in entries)
        and not guard.is_spared(pid)
    )
