"""Becoming a process of the app: a release under systemd, or a command that builds one."""

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from paas.targets.local.sandbox import layout
from paas.targets.local.sandbox.entering import APP, BUILD, Options, enter
from paas.targets.local.sandbox.layout import GuestError

from . import places

JOURNAL = "/run/systemd/journal/stdout"
ERROR_PRIORITY = 3
IDENTIFIER = "app"


def run_release(number: int) -> NoReturn:
    """Be the release: what its unit runs. Its errors go to the journal as errors."""
    known = layout.read_json(places.release_file(number))
    options = Options(str(known["dependencies"]), str(known["runtime"]))
    machine = places.load()
    port = int(str(known["port"]))
    # Sockets and the like of a release of its own: releases run side by side.
    runtime = os.environ.get("RUNTIME_DIRECTORY", "")
    environment, settings = enter(machine, number, options, port=port, role=APP)
    if runtime:
        environment.setdefault("XDG_RUNTIME_DIR", runtime)
    start = str(settings.get("start") or "")
    if not start:
        raise GuestError(f"Release {number} has no start command.")
    _mark_errors()
    for name in ("INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID"):
        environment.pop(name, None)
    os.execve("/bin/sh", ["/bin/sh", "-c", start], environment)  # noqa: S606


def run_command(number: int, options: Options, argv: Sequence[str]) -> NoReturn:
    """Run a command as the app's user in the release's folder."""
    # When memory ends, the build is to go before the release that serves (whose unit says 300).
    Path("/proc/self/oom_score_adj").write_text("600")
    machine = places.load()
    environment, _ = enter(machine, number, options, port=machine.port, role=BUILD)
    try:
        os.execvpe(argv[0], list(argv), environment)  # noqa: S606
    except FileNotFoundError:
        raise GuestError(f"There is no program {argv[0]} in the guest.", 127) from None


def _mark_errors() -> None:
    """Give the standard error a line of its own to the journal, so that it can be told apart."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.connect(JOURNAL)
        line.shutdown(socket.SHUT_RD)
        line.sendall(f"{IDENTIFIER}\n\n{ERROR_PRIORITY}\n0\n0\n0\n0\n".encode())
    except OSError as error:
        sys.stderr.write(f"The app's errors go with its output: {error}\n")
        sys.stderr.flush()
        return
    os.dup2(line.fileno(), 2)
