"""The processes of a platform and what each runs."""

import gc
import importlib
import os
import selectors
import socket
from functools import partial
from pathlib import Path

from paas import jobs
from paas.running.child import Closeable, Role, spawn
from paas.running.journal import Journal
from paas.running.web import serve
from paas.settings import Settings
from paas.store.setup import prepare
from paas.tools import redis_server

# The processes use these from the start; imported before the first fork, their memory is shared.
SHARED_MODULES = ("gunicorn.workers.gthread", "gunicorn.sock", "rq.worker")


def share_memory() -> None:
    """Import what all processes need, and keep the collector from touching (and so copying) it."""
    for name in SHARED_MODULES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def platform_roles(settings: Settings, listener: socket.socket) -> list[Role]:
    """Web, sweeper and ``PAAS_WORKERS`` workers."""
    workers = [
        Role(f"worker-{number}", partial(jobs.work, settings), patient=True)
        for number in range(1, settings.workers + 1)
    ]
    web = Role("web", partial(serve, settings, listener), keeps=(listener,))
    return [web, *workers, Role("sweeper", partial(jobs.sweep, settings))]


def redis_role(instance: Path) -> Role:
    """The embedded Redis; the others start when it answers."""
    return Role(
        "redis",
        partial(_serve_redis, instance),
        first=True,
        answers=partial(_answers, redis_server.socket_path(instance)),
    )


def _serve_redis(instance: Path) -> None:
    data = instance / "redis"
    data.mkdir(mode=0o700, exist_ok=True)
    folder = redis_server.make_socket_folder(instance)
    command = redis_server.arguments(data, folder / "redis.sock")
    os.execv(command[0], command)  # noqa: S606 (an argument list, without a shell)


def _answers(path: Path) -> bool:
    """Whether Redis answers: it also refuses while it still reads its file."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def prepared(settings: Settings, journal: Journal, shared: tuple[Closeable, ...]) -> bool:
    """Make folders, keys and tables in a child, whose memory goes with it; False if it failed.

    What went wrong is in the journal, and so on the terminal.
    """
    child = spawn(Role("prepare", partial(prepare, settings)), settings.log_level, shared)
    with child.output, selectors.DefaultSelector() as selector:
        selector.register(child.output, selectors.EVENT_READ)
        while selector.select():
            data = child.output.read(65536)
            if data == b"":
                break
            journal.collect("prepare", child.pid, data or b"")
    journal.finish("prepare", child.pid)
    return os.waitpid(child.pid, 0)[1] == 0
