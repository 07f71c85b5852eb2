"""The web process: gunicorn with one process and many threads, on a socket it is given."""

import contextlib
import os
import signal
import socket
from pathlib import Path

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

from paas import create_app
from paas.running.child import die_with
from paas.settings import Settings

GRACE = 5
"""Seconds for answers under way; streams and waits are cut, their clients come again."""


class PlatformLogger(Logger):
    """Gunicorn's own lines go the way of all others instead of to handlers of its own."""

    def setup(self, cfg: object) -> None:
        super().setup(cfg)
        for handler in list(self.error_log.handlers):
            self.error_log.removeHandler(handler)
        self.error_log.propagate = True


class Server(BaseApplication):
    """Serves ``create_app`` on ``listener``; ``run`` returns when it is told to stop."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        super().__init__()

    def load_config(self) -> None:
        for name, value in options(self._settings.threads, self._listener.fileno()).items():
            self.cfg.set(name, value)

    def load(self) -> object:
        return create_app(self._settings)


def options(threads: int, listener: int) -> dict[str, object]:
    """Gunicorn's settings. The control socket would be shared by all instances of a user."""
    memory = Path("/dev/shm")  # noqa: S108 (gunicorn makes a file without a name there)
    return {
        "bind": f"fd://{listener}",
        "workers": 1,
        "threads": threads,
        "worker_class": "gthread",
        "worker_tmp_dir": str(memory) if os.access(memory, os.W_OK) else None,
        "control_socket_disable": True,
        # Who may speak for others is a setting of the platform, and its own code reads it.
        "forwarded_allow_ips": "",
        "graceful_timeout": GRACE,
        "timeout": 120,
        "keepalive": 15,
        "loglevel": "warning",
        "logger_class": PlatformLogger,
        "post_fork": _after_fork,
    }


def _after_fork(arbiter: Arbiter, worker: Worker) -> None:
    del worker
    die_with(arbiter.pid)


def serve(settings: Settings, listener: socket.socket) -> None:
    """Run the web process until SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        Server(settings, listener).run()
    finally:
        # A worker that had to be killed is waited for, so that nothing outlives this process.
        for pid in list(Arbiter.WORKERS):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
