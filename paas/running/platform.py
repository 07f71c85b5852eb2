"""Puts the platform of one instance together and hands it to the manager."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from paas import logs
from paas.domain.errors import PaasError, Unavailable
from paas.running import edge
from paas.running.child import Role
from paas.running.embedded_redis import redis_role
from paas.running.journal import Journal, LogFile, Terminal
from paas.running.listening import listen, reachable, url
from paas.running.lock import InstanceLock
from paas.running.manager import Manager
from paas.running.probe import Probe
from paas.running.roles import platform_roles, prepared, share_memory
from paas.running.welcome import Welcome
from paas.settings import Settings
from paas.tools import redis_server
from paas.tools.ansible_loaded import Loaded

HUSHED = frozenset({"redis", "prepare"})


def run(
    settings: Settings, *, on_ready: Callable[[str], None] | None = None, quiet: bool = False
) -> int:
    """Serve the instance until a signal ends it; 0 then, 1 with a sentence if it cannot start.

    ``on_ready`` is called, in this process, with the platform's URL when ``/health`` answers.
    ``quiet`` shows only the manager's sentences and what is wrong.
    """
    terminal = Terminal(quiet=quiet)
    logs.hide(settings.api_token, *settings.secrets())
    try:
        with _held(settings) as held, _journal(settings, terminal) as journal:
            return _serve(settings, held, (journal, terminal), on_ready)
    except PaasError as error:
        terminal.show(f"paas: {error.message}")
        return 1


def _serve(
    settings: Settings,
    held: "_Held",
    says: tuple[Journal, Terminal],
    on_ready: Callable[[str], None] | None,
) -> int:
    journal, terminal = says
    listener, front, shared = held.listener, held.front, (held.lock, held.listener, held.front)
    share_memory()
    settings = front.known(replace(settings, port=reachable(listener)[1]))
    first: list[Role] = []
    if not settings.redis_url:
        settings = replace(settings, redis_url=redis_server.url(settings.instance))
        first.append(redis_role(settings.instance))
    welcome = Welcome(settings)
    if not prepared(welcome, settings, journal, shared):
        return 1
    if welcome.sentence():
        terminal.show(welcome.sentence())

    def ready() -> None:
        journal.say(f"ready: {url(listener)}")
        if front.sentence:
            journal.say(front.sentence)
        if on_ready is not None:
            on_ready(url(listener))

    loaded = Loaded()
    manager = Manager(
        [*first, *platform_roles(settings, listener, loaded), *front.roles(settings)],
        journal,
        stop_timeout=settings.stop_timeout,
        level=settings.log_level,
        shared=(*shared, loaded.ours, loaded.theirs),
        probe=Probe(reachable(listener), listener.family),
        on_ready=ready,
    )
    try:
        return manager.run()
    finally:
        front.clean(settings)
        if first:
            redis_server.remove_socket_folder(settings.instance)


class _Held(NamedTuple):
    """What only one platform can have: the instance and the addresses."""

    lock: InstanceLock
    listener: socket.socket
    front: edge.Front


@contextlib.contextmanager
def _held(settings: Settings) -> Iterator[_Held]:
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        settings.instance.mkdir(mode=mode, parents=True, exist_ok=True)
        lock = InstanceLock(settings.instance)
    except OSError as error:
        raise Unavailable(
            f"The instance folder {settings.instance} cannot be used: {error.strerror}. Set "
            "PAAS_INSTANCE to a folder that this user can write."
        ) from error
    with (
        contextlib.closing(lock),
        listen(settings.host, settings.port) as listener,
        contextlib.closing(edge.front(settings)) as front,
    ):
        yield _Held(lock, listener, front)


@contextlib.contextmanager
def _journal(settings: Settings, terminal: Terminal) -> Iterator[Journal]:
    path = settings.log_folder / "paas.log"
    try:
        file = LogFile(path)
    except OSError as error:
        raise Unavailable(f"The log {path} cannot be written: {error.strerror}.") from error
    with contextlib.closing(Journal(file, terminal, hushed=HUSHED)) as journal:
        yield journal
