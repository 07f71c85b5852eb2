"""No descendant outlives its worker, whichever way it tries to leave."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from paas.domain.errors import StepInterrupted
from paas.tools.process import Leash, kill_marked, run

from .support import (
    BARE,
    PYTHON,
    SPAWNER,
    command,
    is_running,
    pids_in,
    wait_for,
)

ENDED = ("main", "plain", "session", "double")
WORKER = """
import sys
from pathlib import Path
from paas.tools.process import Command, Leash, run
run(Command(tuple(sys.argv[1:]), Path("/"), {"PATH": "/usr/bin:/bin"}, "test-1"),
    on_line=print, deadline=600, leash=Leash())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for pids; whatever is noted there is ended after the test."""
    yield tmp_path
    for file in tmp_path.iterdir():
        try:
            os.kill(int(file.read_text()), signal.SIGKILL)
        except (ProcessLookupError, ValueError):
            continue


def assert_only_the_supervisor_lives(pids: dict[str, int]) -> None:
    wait_for(lambda: not any(is_running(pids[name]) for name in ENDED), "the end of all")
    assert is_running(pids["supervisor"])


def test_all_descendants_end_when_the_worker_is_killed(folder: Path) -> None:
    argv = [PYTHON, "-c", WORKER, PYTHON, "-c", SPAWNER, str(folder), "stay"]
    worker = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    pids = pids_in(folder)
    worker.kill()
    worker.wait()
    assert_only_the_supervisor_lives(pids)


def test_all_descendants_end_when_the_worker_falls_silent(folder: Path) -> None:
    leash = Leash(seconds=2)
    with pytest.raises(StepInterrupted, match="ended before"):
        run(
            command(folder, PYTHON, "-c", SPAWNER, str(folder), "stay"),
            on_line=print,
            deadline=60,
            leash=leash,
        )
    assert_only_the_supervisor_lives(pids_in(folder))


def test_what_the_program_leaves_behind_ends_with_it(folder: Path) -> None:
    exit_ = run(
        command(folder, PYTHON, "-c", SPAWNER, str(folder)),
        on_line=print,
        deadline=60,
        leash=Leash(),
    )
    assert exit_.code == 0
    assert_only_the_supervisor_lives(pids_in(folder))


def test_a_cut_leash_ends_what_runs_and_lets_nothing_start(folder: Path) -> None:
    leash = Leash()
    cutter = threading.Thread(target=lambda: (pids_in(folder), leash.cut()))
    cutter.start()
    spawn = command(folder, PYTHON, "-c", SPAWNER, str(folder), "stay")
    with pytest.raises(StepInterrupted):
        run(spawn, on_line=print, deadline=60, leash=leash)
    cutter.join()
    assert_only_the_supervisor_lives(pids_in(folder))
    with pytest.raises(StepInterrupted, match="from outside"):
        run(spawn, on_line=print, deadline=60, leash=leash)


def test_a_renewed_leash_keeps_the_program_alive(tmp_path: Path) -> None:
    leash = Leash(seconds=2)
    done = threading.Event()

    def renew() -> None:
        while not done.wait(0.1):
            leash.renew()

    renewer = threading.Thread(target=renew)
    renewer.start()
    exit_ = run(command(tmp_path, "sleep", "3"), on_line=print, deadline=60, leash=leash)
    done.set()
    renewer.join()
    assert exit_.code == 0


def test_marked_processes_are_found_and_killed(folder: Path) -> None:
    env = {**BARE, "PAAS_ATTEMPT": "7f3-2"}
    main = subprocess.Popen([PYTHON, "-c", SPAWNER, str(folder), "stay"], env=env)
    pids = pids_in(folder)
    assert kill_marked("7f3-1") == 0
    assert kill_marked("7f3-") == len(ENDED)
    main.wait()
    assert_only_the_supervisor_lives(pids)
    assert kill_marked("7f3-") == 0


def test_descendants_of_a_marked_process_go_with_it(tmp_path: Path) -> None:
    unmarked = "import os,subprocess,sys,time; p=subprocess.Popen(['sleep','600'],env={}); "
    unmarked += "print(p.pid, flush=True); time.sleep(600)"
    env = {**BARE, "PAAS_ATTEMPT": "7f4-2"}
    with subprocess.Popen([PYTHON, "-c", unmarked], env=env, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert kill_marked("7f4-") == 2
    wait_for(lambda: not is_running(child), "the unmarked child")
