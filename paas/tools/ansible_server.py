"""Keeps Ansible loaded, and forks itself for each play: ``ansible_server.py FD ROOM``.

Each message on the socket ``FD`` asks for one play: JSON, with the descriptors of the guard's
line, standard input, output and error, and of a pipe that is told the guard's process id and then
the play's exit code. ``ROOM`` is blank, and so is the environment's entry of that name: forks write
there what they are. Ansible is loaded when the
first play is asked for; this process never plays and never sees a variable of a play.
"""

import ctypes
import json
import os
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from paas.tools import guard
from paas.tools.ansible import environment
from paas.tools.guarded import MARK
from paas.tools.proc_self import show_arguments, show_environment

PR_SET_NAME = 15
NAME = b"paas-ansible"
MOST = 65536
DESCRIPTORS = 5


def main() -> None:
    """Fork for each request until the other end of the socket is closed."""
    ctypes.CDLL(None).prctl(PR_SET_NAME, NAME)
    # The kernel collects the forks; whoever asked for them learns their end by the pipe.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    is_loaded = False
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        while True:
            data, given, _, _ = socket.recv_fds(
                requests, MOST, DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
            )
            if not data:
                return
            if not is_loaded:
                load()
                is_loaded = True
            if os.fork() == 0:
                requests.close()
                become(json.loads(data), given)
            for descriptor in given:
                os.close(descriptor)


def load() -> None:
    """Import ansible-runner and Ansible under settings that no play has.

    Ansible remembers where plugins would be: that must not be where others can write.
    """
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix=".ansible-", dir=Path.cwd()) as folder:
        os.environ.update(environment(Path(folder)))
        from paas.tools import ansible_child, ansible_start  # noqa: F401

        ansible_start.load()
    os.environ.clear()
    os.environ.update(before)


def become(request: dict[str, Any], given: Sequence[int]) -> NoReturn:
    """Be the guard of a play, in a fork: all that it shows of itself is the play's."""
    try:
        line, *streams, status = given
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(request["environment"])
        show_environment(f"{MARK}={os.environ[MARK]}")
        show_arguments(f"ansible-guard {request['folder']}")
        os.write(status, b"%d\n" % os.getpid())
        os.chdir(request["folder"])
        code = guard.watch_over(lambda: _play(request, (line, status)), line, request["seconds"])
        os.write(status, b"%d\n" % code)
    except (OSError, ValueError):
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(1)


def _play(request: dict[str, Any], guards: Sequence[int]) -> None:
    """Play, in the guard's child; what is the guard's own is closed."""
    from paas.tools import ansible_child

    code = 1
    try:
        for descriptor in guards:
            os.close(descriptor)
        show_arguments(f"ansible-runner {request['folder']}")
        code = ansible_child.play(Path(request["folder"]), request["playbook"])
    except Exception:  # noqa: BLE001 (whatever it is, its place is the play's own output)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Nothing is left to clean up, and the platform waits for the end.
        os._exit(code)


if __name__ == "__main__":
    main()
    os._exit(0)
