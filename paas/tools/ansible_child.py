"""Run one playbook with ansible-runner, in a fork of a process that has it loaded.

It is a process of its own, because ansible-runner takes the whole environment of its process and
writes it down. Ansible starts at once and waits at a gate; the word to go is a line on the standard
input, and the end of the input before that means that nothing is to be done. Each event leaves as
one line of JSON, without the tasks' arguments.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import ansible_runner
import pexpect  # type: ignore[import-untyped]

from paas.tools import ansible_start
from paas.tools.ansible_loaded import GO
from paas.tools.proc_self import show_arguments

PASSED_ON = ("changed", "msg", "output", "stdout_lines", "stderr_lines", "rc", "censored")
# Events that are no more than what Ansible says.
SPOKEN = ("verbose", "error")
LOOK_SECONDS = 0.1
MEETING_SECONDS = 5.0
KILLED = 128 + signal.SIGKILL


class Events:
    """Writes events out; what commands say while they run comes from the live file."""

    def __init__(self, live: Path) -> None:
        self._live = live.open("a+", errors="replace")
        self._lock = threading.Lock()
        self._rest = ""

    def handle(self, event: dict[str, Any]) -> bool:
        """Take an event of the runner; False, so that it is not written to a file as well."""
        self.tell_live()
        data = event.get("event_data", {})
        result = data.get("res") or {}
        self._tell(
            {
                "event": event.get("event", ""),
                "task": data.get("task", ""),
                "ignored": bool(data.get("ignore_errors")),
                "result": {name: result[name] for name in PASSED_ON if name in result},
                "text": event.get("stdout", "") if event.get("event") in SPOKEN else "",
            }
        )
        return False

    def follow(self, ended: threading.Event) -> None:
        """Pass live output on until the end."""
        while not ended.wait(LOOK_SECONDS):
            self.tell_live()

    def tell_live(self) -> None:
        """Pass on what has been written since the last look."""
        with self._lock:
            *lines, self._rest = (self._rest + self._live.read()).split("\n")
            for line in lines:
                self._write({"event": "live", "text": line})

    def _tell(self, message: dict[str, Any]) -> None:
        with self._lock:
            self._write(message)

    def _write(self, message: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def wait_for_word(gate: Path) -> None:
    """Open the gate when the word comes; leave at once when the input ends without it.

    Each line before the word opens a connection. The play uses the last of them, and waits for
    it a little: otherwise it would make another one.
    """
    meeting = None
    for line in iter(sys.stdin.readline, ""):
        if line.rstrip() == GO:
            break
        meeting = meet(json.loads(line))
    else:
        os._exit(0)
    if meeting is not None:
        await_meeting(meeting)
    descriptor = os.open(gate, os.O_RDWR)
    os.write(descriptor, b"go\n")


def meet(argv: list[str]) -> "subprocess.Popen[bytes] | None":
    """Start a program that ends when the connection is open; Ansible tells why one is not."""
    nothing = subprocess.DEVNULL
    try:
        return subprocess.Popen(argv, stdin=nothing, stdout=nothing, stderr=nothing)
    except OSError:
        return None


def await_meeting(meeting: "subprocess.Popen[bytes]") -> None:
    """Wait until the connection is open; one that takes long is given up, for one of the play's."""
    try:
        meeting.wait(MEETING_SECONDS)
    except subprocess.TimeoutExpired:
        meeting.kill()


def play(folder: Path, playbook: str) -> int:
    """Play; the result is Ansible's exit code."""
    gate = folder / "gate"
    os.mkfifo(gate, 0o600)
    events, ended = Events(folder / "live"), threading.Event()
    inventory, variables = folder / "inventory.yml", folder / "env" / "extravars"
    arguments = ["-i", str(inventory), "-e", f"@{variables}", playbook]
    runner = ansible_runner.interface.init_command_config(
        sys.executable,
        arguments,
        private_data_dir=str(folder),
        host_cwd=str(folder),
        fact_cache_type="memory",
        settings={"suppress_output_file": True},
        quiet=True,
        event_handler=events.handle,
    )
    spawn = pexpect.spawn

    def begin() -> None:
        show_arguments(f"ansible-playbook {folder}")
        ansible_start.begin(runner.config.env, gate, arguments)

    def fork(command: str, given: list[str], **options: Any) -> Any:
        # The program is never started: what pexpect lets run before it plays and ends.
        child = spawn(command, given, preexec_fn=begin, **options)
        # The runner closes it when it has ended: a pause for the kernel to notice that is idle.
        child.ptyproc.delayafterclose = 0.0
        # Threads begin after the fork, which would copy their locks.
        threading.Thread(target=wait_for_word, args=(gate,), daemon=True).start()
        threading.Thread(target=events.follow, args=(ended,), daemon=True).start()
        return child

    pexpect.spawn = fork
    runner.run()
    ended.set()
    events.tell_live()
    # Of a playbook that a signal has ended there is no exit code.
    return KILLED if runner.rc is None else int(runner.rc)
