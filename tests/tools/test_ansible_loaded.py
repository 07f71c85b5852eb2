"""A process that keeps Ansible loaded: its plays know nothing of each other, and end with their own
worker, whatever becomes of it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from paas.domain.errors import StepFailed, StepInterrupted
from paas.tools import ansible, guard, guarded
from paas.tools.ansible import Playbook
from paas.tools.ansible_loaded import Loaded
from paas.tools.process import Bench, clean_environment, kill_marked

from .support import MARK, PYTHON, ansible_processes, bench, is_running, wait_for

CHECKOUT = Path(__file__).parents[2]
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
NOTHING = "nothing"
# The words of its message: a variable, one of the host, the environment as Ansible has it, and
# what the kernel shows of the play's process.
TELL = """
- hosts: guest
  gather_facts: false
  tasks:
    - ansible.builtin.fail:
        msg: >-
          {{ given | default('nothing') }} {{ ansible_user | default('nothing') }}
          {{ lookup('env', 'NO_PROXY') or 'nothing' }} {{ lookup('env', 'HOME') }}
          {{ lookup('pipe', 'tr -d "\\0" < /proc/$PPID/environ') }}
"""
WAIT = """
- hosts: guest
  gather_facts: false
  tasks:
    - ansible.builtin.command: {argv: [/bin/sh, -c, "touch '{{ given }}'; sleep 600"]}
"""
WORKER = """
import os, sys
from dataclasses import replace
from pathlib import Path
from paas.tools.ansible_loaded import Loaded
from tests.tools.support import bench
from tests.tools.test_ansible_loaded import play
folder = Path(sys.argv[1])
loaded = Loaded.start(dict(os.environ), folder)
play(replace(bench(), loaded=loaded), folder, {"given": str(folder / "started")})
"""


class Local:
    """A connection to this machine, with variables more."""

    def __init__(self, **more: str) -> None:
        self.variables: Mapping[str, str] = {**LOCAL, **more}
        self.files: Mapping[str, str] = {}


@pytest.fixture
def loaded(tmp_path: Path) -> Iterator[Loaded]:
    """A process that ends after the test."""
    made = Loaded.start(clean_environment(os.environ, {}), tmp_path)
    yield made
    made.end()


def play(given: Bench, folder: Path, variables: Mapping[str, object], **host: str) -> None:
    """Play what is in the folder."""
    begun = Playbook.start_early(given, folder / "work", playbook=folder / "play.yml")
    begun.run(variables, Local(**host))


def server_of(folder: Path) -> int:
    """The process that was started in the folder to load Ansible."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"ansible_server.py" in path.read_bytes() and path.with_name("cwd").samefile(folder):
                return int(path.parent.name)
        except OSError:
            continue
    return 0


def test_a_play_knows_nothing_of_the_one_before_it(tmp_path: Path, loaded: Loaded) -> None:
    told = []
    plays: list[tuple[str, dict[str, str], dict[str, str], dict[str, str]]] = [
        ("first-1", {"given": "secret"}, {"ansible_user": "somebody"}, {"NO_PROXY": "a.example"}),
        ("second-1", {}, {}, {}),
    ]
    for mark, variables, host, environment in plays:
        folder = tmp_path / mark
        folder.mkdir()
        (folder / "play.yml").write_text(TELL)
        base = {"PATH": os.environ["PATH"], **environment}
        given = replace(bench(), loaded=loaded, mark=mark, environment=base)
        with pytest.raises(StepFailed) as failure:
            play(given, folder, variables, **host)
        told.append(failure.value.message.partition("failed: ")[2].split())
    first, second = (str(tmp_path / mark / "work") for mark in ("first-1", "second-1"))
    assert told == [
        ["secret", "somebody", "a.example", first, "PAAS_ATTEMPT=first-1"],
        [NOTHING, NOTHING, NOTHING, second, "PAAS_ATTEMPT=second-1"],
    ]


def test_no_play_waits_for_another(tmp_path: Path, loaded: Loaded) -> None:
    """Two plays that wait for each other both come to their end."""
    outcomes: list[str] = []
    meet = "touch {}; while ! test -e {}; do sleep 0.01; done"
    text = WAIT.replace("touch '{{ given }}'; sleep 600", "{{ given }}")

    def run(mine: str, other: str) -> None:
        folder = tmp_path / mine
        folder.mkdir()
        (folder / "play.yml").write_text(text)
        command = meet.format(tmp_path / f"{mine}.here", tmp_path / f"{other}.here")
        play(replace(bench(), loaded=loaded), folder, {"given": command})
        outcomes.append(mine)

    threads = [threading.Thread(target=run, args=names) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["a", "b"]


def test_without_it_a_play_loads_its_own(tmp_path: Path, loaded: Loaded) -> None:
    (tmp_path / "play.yml").write_text(TELL)
    wait_for(lambda: server_of(tmp_path), "the process that loads Ansible")
    os.kill(server_of(tmp_path), signal.SIGKILL)
    wait_for(lambda: not server_of(tmp_path), "its end")
    log: list[tuple[str, str]] = []
    with pytest.raises(StepFailed, match="nothing nothing"):
        play(replace(bench(log), loaded=loaded), tmp_path, {})
    assert ("ansible", "Ansible is not loaded; it is loaded for this play") in log


def test_what_was_asked_for_while_it_was_away_is_played_when_it_is_back(tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(TELL)
    away = Loaded()
    given = replace(bench(), loaded=away)
    begun = Playbook.start_early(given, tmp_path / "work", playbook=tmp_path / "play.yml")
    pid = os.fork()
    if pid == 0:
        # As the manager does; here no variable of its environment has room for a mark.
        away.become({"LANG": "C.UTF-8"}, tmp_path)
    try:
        with pytest.raises(StepFailed, match="nothing nothing"):
            begun.run({}, Local())
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_play_that_nobody_begins_can_be_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "ENDING", 0.1)
    away = Loaded()
    begun = Playbook.start_early(replace(bench(), loaded=away), tmp_path / "work")
    begun.discard()
    assert not (tmp_path / "work").exists()
    monkeypatch.setattr(ansible, "BEGIN_SECONDS", 0.1)
    begun = Playbook.start_early(replace(bench(), loaded=away), tmp_path / "work")
    with pytest.raises(StepInterrupted, match="could not be started within"):
        begun.run({}, Local())
    assert not (tmp_path / "work").exists()


def begin(
    folder: Path, loaded: Loaded, stop: threading.Event
) -> tuple[threading.Thread, list[Exception]]:
    """A play that waits for ever in a thread of its own, until it is asked to stop or killed."""
    (folder / "play.yml").write_text(WAIT)
    raised: list[Exception] = []

    def reason() -> StepInterrupted | None:
        return StepInterrupted("enough") if stop.is_set() else None

    def run() -> None:
        try:
            given = replace(bench(stop=reason), loaded=loaded)
            play(given, folder, {"given": str(folder / "started")})
        except StepInterrupted as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for((folder / "started").exists, "the task")
    return thread, raised


def test_a_play_goes_on_when_it_is_killed(tmp_path: Path, loaded: Loaded) -> None:
    stop = threading.Event()
    thread, raised = begin(tmp_path, loaded, stop)
    pids = ansible_processes(tmp_path / "work")
    os.kill(server_of(tmp_path), signal.SIGKILL)
    wait_for(lambda: not server_of(tmp_path), "its end")
    assert thread.is_alive()
    assert all(is_running(pid) for pid in pids.values())
    stop.set()
    thread.join()
    assert [str(error) for error in raised] == ["enough"]
    assert not any(is_running(pid) for pid in pids.values())


def test_what_it_forks_is_found_by_the_attempts_mark(tmp_path: Path, loaded: Loaded) -> None:
    thread, raised = begin(tmp_path, loaded, threading.Event())
    pids = ansible_processes(tmp_path / "work")
    assert set(pids) == {"guard", "runner", "playbook", "task"}
    assert all(f"PAAS_ATTEMPT={MARK}1".encode() in guard.environ(pid) for pid in pids.values())
    assert kill_marked(f"{MARK}2") == 0
    assert kill_marked(MARK) >= len(pids)
    thread.join()
    assert len(raised) == 1
    assert is_running(server_of(tmp_path))


def test_nothing_of_a_play_outlives_its_killed_worker(tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(WAIT)
    argv = [PYTHON, "-c", WORKER, str(tmp_path)]
    worker = subprocess.Popen(argv, cwd=CHECKOUT, stdout=subprocess.DEVNULL)
    wait_for((tmp_path / "started").exists, "the task")
    pids = [server_of(tmp_path), *ansible_processes(tmp_path / "work").values()]
    worker.kill()
    worker.wait()
    wait_for(lambda: not any(is_running(pid) for pid in pids), "the end of all")
    assert len(pids) == 5
