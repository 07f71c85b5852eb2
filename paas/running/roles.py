"""The processes of a platform and what each runs."""

import gc
import importlib
import os
import selectors
import socket
from functools import partial

from paas import jobs
from paas.running.child import Closeable, Role, spawn
from paas.running.journal import Journal
from paas.running.web import serve
from paas.running.welcome import Welcome
from paas.settings import Settings, environment
from paas.tools.ansible_loaded import Loaded
from paas.tools.process import clean_environment

# The processes use these from the start; imported before the first fork, their memory is shared.
SHARED_MODULES = ("gunicorn.workers.gthread", "gunicorn.sock", "rq.worker")


def share_memory() -> None:
    """Import what all processes need, and keep the collector from touching (and so copying) it."""
    for name in SHARED_MODULES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def platform_roles(settings: Settings, listener: socket.socket, loaded: Loaded) -> list[Role]:
    """Who keeps Ansible loaded, web, sweeper and ``PAAS_WORKERS`` workers."""
    ansible = Role(
        "ansible", partial(_keep_ansible, settings, loaded), first=True, keeps=(loaded.theirs,)
    )
    workers = [
        Role(
            f"worker-{number}",
            partial(jobs.work, settings, loaded),
            patient=True,
            keeps=(loaded.ours,),
        )
        for number in range(1, settings.workers + 1)
    ]
    web = Role("web", partial(serve, settings, listener), keeps=(listener,))
    return [ansible, web, *workers, Role("sweeper", partial(jobs.sweep, settings))]


def _keep_ansible(settings: Settings, loaded: Loaded) -> None:
    loaded.become(clean_environment(environment(), {}), settings.instance)


def prepared(
    welcome: Welcome, settings: Settings, journal: Journal, shared: tuple[Closeable, ...]
) -> bool:
    """Make folders, keys, tables and the first administrator in a child, whose memory goes with
    it; False if it failed.

    What went wrong is in the journal, and so on the terminal.
    """
    child = spawn(Role("prepare", welcome.prepare), settings.log_level, shared)
    with child.output, selectors.DefaultSelector() as selector:
        selector.register(child.output, selectors.EVENT_READ)
        while selector.select():
            data = child.output.read(65536)
            if data == b"":
                break
            journal.collect("prepare", child.pid, data or b"")
    journal.finish("prepare", child.pid)
    if os.waitpid(child.pid, 0)[1] == 0:
        return True
    journal.reveal("prepare")
    return False
