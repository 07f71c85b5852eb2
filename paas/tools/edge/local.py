"""The platform's own edge: an HTTP/1.1 balancer on one event loop.

Each request is led by its Host to a guest of its app: the guests take turns, those that are
down are left out, one that cannot be connected to is passed over.
"""

import asyncio
import resource
import socket
from collections.abc import Callable, Set

import h11

from paas.domain.routes import Route, Table, Upstream
from paas.tools.edge import headers
from paas.tools.edge.contract import UNKNOWN, chosen
from paas.tools.edge.exchange import Exchange, Refused
from paas.tools.edge.peer import GONE, Gone, Peer

IDLE = 75.0
"""Seconds that a client's connection is kept for a next request, and for its head to come."""
CLOSING = 5.0
"""Seconds for requests under way when the edge ends."""
BACKLOG = 1024
MOST_CLIENTS = 4000


class LocalEdge:
    """Serves on a listening socket. ``refused`` hears of guests that cannot be connected to."""

    def __init__(
        self, listener: socket.socket, refused: Callable[[Upstream], None] = lambda _: None
    ) -> None:
        self._listener = listener
        self._refused = refused
        self._routes: dict[str, Turns] = {}
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.Task[None], bool] = {}

    async def open(self) -> None:
        """Begin to serve; as many connections as the system lets us have."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self._server = await asyncio.start_server(self._serve, sock=self._listener, backlog=BACKLOG)

    async def apply(self, table: Table, down: Set[Upstream]) -> None:
        """Lead requests by this table from now on."""
        before = {turns.route.hosts: turns for turns in self._routes.values()}
        found: dict[str, Turns] = {}
        for route in table.routes:
            turns = before.get(route.hosts) or Turns(route)
            turns.follow(route, down)
            found.update(dict.fromkeys(route.hosts, turns))
        self._routes = found

    async def holds(self) -> bool:
        """Always: the table is in this process."""
        return True

    async def close(self) -> None:
        """Take no more requests; those under way have a few seconds."""
        if self._server:
            self._server.close()
        for task, is_busy in self._clients.items():
            if not is_busy:
                task.cancel()
        if self._clients:
            await asyncio.wait(list(self._clients), timeout=CLOSING)
        for task in self._clients:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client, task = Peer.client(reader, writer), asyncio.current_task()
        if task is None or len(self._clients) >= MOST_CLIENTS:
            client.abort()
            return
        try:
            # An answer's head and body must not wait for each other; asyncio sees to that only
            # for listeners that were opened in a certain way.
            line = writer.get_extra_info("socket")
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._clients[task] = False
            while await self._next(client, task):
                self._clients[task] = False
            await client.part()
        except (Gone, *GONE):
            # The client has left, or an answer broke off; the connection says so by its end.
            return
        finally:
            self._clients.pop(task)
            client.abort()

    async def _next(self, client: Peer, task: asyncio.Task[None]) -> bool:
        """Answer one request; False when it was the connection's last."""
        request: object = None
        try:
            async with asyncio.timeout(IDLE):
                request = await client.event()
            if not isinstance(request, h11.Request):
                return False
            self._clients[task] = True
            await self._lead(client, request)
        except Refused as refused:
            await _say(client, request, refused)
        except h11.RemoteProtocolError as error:
            why = Refused(error.error_status_hint, f"The request cannot be read: {error}.")
            await _say(client, request, why)
        except h11.LocalProtocolError as error:
            # The app's answer cannot be said in HTTP; its client sees it break off.
            raise Gone from error
        return client.begins_anew()

    async def _lead(self, client: Peer, request: h11.Request) -> None:
        if reason := headers.refusal(request):
            raise Refused(400, reason)
        turns = self._routes.get(headers.host_of(request))
        if turns is None:
            raise Refused(404, UNKNOWN)
        await Exchange(client, request, turns.next, self._refused).run()


class Turns:
    """Whose turn it is among the guests of one route."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self._usable = route.upstreams
        self._at = 0

    def follow(self, route: Route, down: Set[Upstream]) -> None:
        """Go on with these guests."""
        self.route = route
        self._usable = chosen(route.upstreams, down)

    def next(self, tried: frozenset[Upstream]) -> Upstream | None:
        """The next guest in turn that was not tried, a well one if there is one left."""
        for group in (self._usable, self.route.upstreams):
            for _ in group:
                self._at = (self._at + 1) % len(group)
                if group[self._at] not in tried:
                    return group[self._at]
        return None


async def _say(client: Peer, request: object, refused: Refused) -> None:
    """Answer ourselves, in a sentence, and let it be the connection's last answer."""
    if client.http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
        raise Gone
    body = f"{refused.sentence}\n".encode()
    given = [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", str(len(body))),
        ("cache-control", "no-store"),
        ("connection", "close"),
    ]
    await client.send(h11.Response(status_code=refused.status, headers=given))
    if not (isinstance(request, h11.Request) and request.method == b"HEAD"):
        await client.send(h11.Data(data=body))
    await client.send(h11.EndOfMessage())
