"""The processes of the edge: the one that conducts it, and a Caddy of our own where wanted."""

import asyncio
import contextlib
import os
import signal
import socket
from dataclasses import dataclass, replace
from functools import partial

from paas.domain.errors import Unavailable
from paas.engine.edge import folder
from paas.running.child import Role
from paas.running.listening import listen
from paas.settings import Settings, environment
from paas.tools import redis_server
from paas.tools.edge import caddy
from paas.tools.edge.caddy import CaddyEdge
from paas.tools.edge.conductor import Conductor
from paas.tools.edge.contract import Edge
from paas.tools.edge.local import LocalEdge

ABOVE = 80
"""How far above the platform's own port the edge listens when no setting says where."""
ADMIN = "caddy.sock"


@dataclass(frozen=True)
class Front:
    """What the settings ask for: ``program`` is a Caddy to be started, ``listener`` the socket of
    our own balancer, which is held here so that it survives its process."""

    kind: str
    listen: str
    admin: str = ""
    program: str = ""
    listener: socket.socket | None = None

    def close(self) -> None:
        """Close this process's handle of the socket."""
        if self.listener is not None:
            self.listener.close()

    def known(self, settings: Settings) -> Settings:
        """The settings with what was decided, for all processes."""
        return replace(settings, edge=self.kind, edge_listen=self.listen)

    @property
    def sentence(self) -> str:
        """Where apps are found, and what serves them there; empty without an edge."""
        port = self.listen.rpartition(":")[2]
        who = "Caddy" if self.kind == "caddy" else "the platform itself"
        return f"apps are served at http://NAME.localhost:{port} by {who}" if self.listen else ""

    def clean(self, settings: Settings) -> None:
        """Remove what a Caddy that was killed has left."""
        if self.program:
            place = redis_server.socket_folder(settings.instance)
            (place / ADMIN).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                place.rmdir()

    def roles(self, settings: Settings) -> list[Role]:
        """The processes that it takes."""
        if self.kind == "off":
            return []
        conductor = Role("edge", partial(_conduct, settings, self), keeps=(self,))
        if not self.program:
            return [conductor]
        return [Role("caddy", partial(_become_caddy, settings, self)), conductor]


def front(settings: Settings) -> Front:
    """Decide what the edge is and take its address; raises ``Unavailable`` with a sentence."""
    kind = settings.edge
    if kind == "off":
        return Front("off", "")
    program = caddy.find(environment().get("PATH", os.defpath)) or ""
    if kind == "auto":
        kind = "caddy" if settings.edge_admin or program else "local"
    if kind == "caddy" and settings.edge_admin:
        given = settings.edge_listen or f"{settings.host}:{settings.port + ABOVE}"
        return Front(kind, given, settings.edge_admin)
    if kind == "caddy" and not program:
        raise Unavailable(
            "PAAS_EDGE=caddy, but there is no program caddy in PATH. On Debian and Ubuntu: "
            "apt install caddy. Or set PAAS_EDGE=local, or PAAS_EDGE_ADMIN to one that runs."
        )
    listener = _take(settings)
    where = _where(settings, listener)
    if kind == "local":
        return Front(kind, where, listener=listener)
    # Caddy opens the port itself; that it is free was seen.
    listener.close()
    return Front(
        kind, where, f"unix/{redis_server.socket_folder(settings.instance) / ADMIN}", program
    )


def _take(settings: Settings) -> socket.socket:
    """The listening socket: where the setting says, or a free port near the platform's."""
    if settings.edge_listen:
        host, _, port = settings.edge_listen.rpartition(":")
        everywhere = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 (asked for)
        return listen(host.strip("[]") or everywhere, int(port), "PAAS_EDGE_LISTEN")
    if settings.port and settings.port + ABOVE <= 65535:
        try:
            return listen(settings.host, settings.port + ABOVE, "PAAS_EDGE_LISTEN")
        except Unavailable:
            # Another platform's edge may be there; nobody asked for this very port.
            pass
    return listen(settings.host, 0, "PAAS_EDGE_LISTEN")


def _where(settings: Settings, listener: socket.socket) -> str:
    if settings.edge_listen and not settings.edge_listen.endswith(":0"):
        return settings.edge_listen
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _become_caddy(settings: Settings, made: Front) -> None:
    place = folder(settings)
    place.mkdir(mode=0o700, exist_ok=True)
    redis_server.make_socket_folder(settings.instance)
    caddy.first_config(place, made.admin, made.listen)
    os.execve(  # noqa: S606 (an argument list, without a shell)
        made.program,
        caddy.arguments(made.program, place),
        caddy.environment(environment(), place),
    )


def _conduct(settings: Settings, made: Front) -> None:
    asyncio.run(_run(settings, made))


async def _run(settings: Settings, made: Front) -> None:
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    conductor = Conductor(folder(settings))
    edge: Edge
    if made.listener is not None:
        edge = LocalEdge(made.listener, conductor.prober.refused)
    else:
        edge = CaddyEdge(made.admin, made.listen, folder(settings) if made.program else None)
    await conductor.run(edge, over)
