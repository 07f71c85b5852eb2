"""What the tests of the tools share: waiting for events, and programs that misbehave."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from paas.tools.process import Bench, Command, Leash

PYTHON = sys.executable
PATIENCE = 30.0
BARE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"}


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Return when the condition holds; fail when it does not within the patience."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether the process exists and is not merely waiting to be collected."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


# Another process of tests, at the same time, must not take our processes for its own.
MARK = f"test{os.getpid()}-"


def command(folder: Path, *argv: str, mark: str = f"{MARK}1", **options: object) -> Command:
    return Command(argv, folder, BARE, mark, **options)  # type: ignore[arg-type]


def bench(log: list[tuple[str, str]] | None = None, **options: object) -> Bench:
    """A bench whose log goes to the list."""
    lines = log if log is not None else []
    environment = dict(os.environ)
    environment.pop("PAAS_SUPERVISOR", None)
    return Bench(
        f"{MARK}1",
        environment,
        lambda stream, line: lines.append((stream, line)),
        **{"leash": Leash(60), "deadline": 120.0, **options},  # type: ignore[arg-type]
    )


def ansible_processes(folder: Path) -> dict[str, int]:
    """The processes of a play by what they do: its guard, the runner, the playbook, the task."""
    found: dict[str, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text(errors="replace").rstrip("\0").split(" ", 1)
        except OSError:
            continue
        if words[0].startswith("ansible-") and words[1:] == [str(folder)]:
            found.setdefault(words[0].removeprefix("ansible-"), []).append(int(path.parent.name))
    # A task is a fork of the playbook.
    playbook = sorted(found.get("playbook", []), key=started_at)
    found |= {"playbook": playbook[:1], "task": playbook[1:]}
    return {name: pids[-1] for name, pids in found.items() if pids}


def started_at(pid: int) -> int:
    """When a process began, in ticks since boot."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


SPAWNER = '''
"""Start sleepers in every way that escapes a simple kill, and write their pids to a folder."""
import os, subprocess, sys, time
folder = sys.argv[1]

def note(name, pid):
    with open(f"{folder}/{name}.part", "w") as file:
        file.write(str(pid))
    os.rename(f"{folder}/{name}.part", f"{folder}/{name}")

def sleeper(name, **options):
    note(name, subprocess.Popen(["sleep", "600"], **options).pid)

sleeper("plain")
sleeper("session", start_new_session=True)
sleeper("supervisor", start_new_session=True, env={**os.environ, "PAAS_SUPERVISOR": "x"})
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        note("double", os.getpid())
        os.execvp("sleep", ["sleep", "600"])
    os._exit(0)
note("main", os.getpid())
if len(sys.argv) > 2:
    time.sleep(600)
'''

NAMES = ("main", "plain", "session", "double", "supervisor")


def pids_in(folder: Path) -> dict[str, int]:
    """The pids that the spawner wrote, once all are there."""
    wait_for(lambda: all((folder / name).exists() for name in NAMES), "the spawner")
    return {name: int((folder / name).read_text()) for name in NAMES}
