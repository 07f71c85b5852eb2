"""What the tests of the edge share: small apps on loopback, an edge of either kind, a load."""

import asyncio
import hashlib
import os
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path

import aiohttp
from aiohttp import web

from paas.domain.routes import Route, Table, Upstream
from paas.tools.edge import caddy, files
from paas.tools.edge.caddy import CaddyEdge
from paas.tools.edge.conductor import Conductor
from paas.tools.edge.contract import Edge, Timing
from paas.tools.edge.local import LocalEdge

PATIENCE = 30.0
QUICK = Timing(look=0.02, check=0.1, recheck=0.05, timeout=2.0, falls=2, confirm=0.2)
_numbers = count(1)


class App:
    """An app on an address of its own; says in each answer who it is."""

    def __init__(self, name: str) -> None:
        number = next(_numbers)
        self.name = name
        self.upstream = Upstream(f"127.78.{os.getpid() % 250}.{number}", 20_000)
        self.status = 200
        self.checks = 0
        self.seen: list[web.BaseRequest] = []
        self.paths: list[str] = []
        self.release = asyncio.Event()
        self._runner: web.ServerRunner | None = None

    async def start(self) -> "App":
        server = web.Server(self._handle)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, self.upstream.address, self.upstream.port, reuse_address=True
        )
        await site.start()
        return self

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def vanish(self) -> None:
        """Refuse new connections, end what is under way, then close all."""
        assert self._runner is not None
        for site in list(self._runner.sites):
            await site.stop()
        await self.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if "health check" in request.headers.get("User-Agent", ""):
            self.checks += 1
            return web.Response(status=self.status)
        self.seen.append(request)
        self.paths.append(request.path_qs)
        handlers = {
            "/events": self._events,
            "/socket": self._socket,
            "/slow": self._slow,
            "/drop": self._drop,
        }
        handler = handlers.get(request.path, self._plain)
        return await handler(request)

    async def _plain(self, request: web.BaseRequest) -> web.StreamResponse:
        digest, size = hashlib.sha256(), 0
        async for part in request.content.iter_any():
            digest.update(part)
            size += len(part)
        return web.json_response(
            {
                "app": self.name,
                "method": request.method,
                "path": request.path_qs,
                "headers": [[key.lower(), value] for key, value in request.headers.items()],
                "size": size,
                "digest": digest.hexdigest(),
            },
            status=self.status,
        )

    async def _events(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(f"data: {self.name} one\n\n".encode())
        await self.release.wait()
        await response.write(b"data: two\n\n")
        return response

    async def _socket(self, request: web.BaseRequest) -> web.StreamResponse:
        channel = web.WebSocketResponse()
        await channel.prepare(request)
        async for message in channel:
            await channel.send_str(f"{self.name}: {message.data}")
        return channel

    async def _slow(self, request: web.BaseRequest) -> web.StreamResponse:
        await self.release.wait()
        return web.Response(text=self.name)

    async def _drop(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()


class Front:
    """An edge that runs, and how it is told things."""

    def __init__(self, kind: str, folder: Path, port: int, conductor: Conductor) -> None:
        self.kind = kind
        self.folder = folder
        self.port = port
        self.conductor = conductor

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def tell(self, *routes: Route) -> None:
        """Hand over a table and return when it is served."""
        table = Table.of(routes)
        files.write_table(self.folder, table)
        await until(lambda: files.applied(self.folder) == table.digest, "the table to be applied")

    async def settled(self, *down: App) -> None:
        """Return when exactly these apps are down, and the edge was told so."""
        wanted = {app.upstream for app in down}
        await until(lambda: self.conductor.prober.down == wanted, f"{wanted} to be down")
        await until(lambda: self.conductor.is_quiet, "the edge to be told")


def route(host: str, *apps: App, health_path: str = "/") -> Route:
    return Route((host,), tuple(app.upstream for app in apps), health_path)


async def until(found: Callable[[], object], what: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not found():
            await asyncio.sleep(0.01)
    assert found(), what


@asynccontextmanager
async def apps(*names: str) -> AsyncIterator[list[App]]:
    made = [await App(name).start() for name in names]
    try:
        yield made
    finally:
        for app in made:
            app.release.set()
            await app.stop()


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for the name of a socket."""
    with tempfile.TemporaryDirectory(prefix="pe", dir="/tmp") as folder:
        yield Path(folder)


@asynccontextmanager
async def front(kind: str) -> AsyncIterator[Front]:
    """A running edge: ``local`` or ``caddy``."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(short_folder())
        conductor = Conductor(folder, QUICK)
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        edge: Edge
        if kind == "local":
            edge = LocalEdge(listener, conductor.prober.refused)
        else:
            listener.close()
            caddy.first_config(folder, admin(folder), f"127.0.0.1:{port}")
            stack.enter_context(running_caddy(folder))
            edge = CaddyEdge(admin(folder), f"127.0.0.1:{port}", folder)
        over = asyncio.Event()
        running = asyncio.create_task(conductor.run(edge, over))
        try:
            yield Front(kind, folder, port, conductor)
        finally:
            over.set()
            await running


def admin(folder: Path) -> str:
    return f"unix/{folder}/admin.sock"


@contextmanager
def running_caddy(folder: Path) -> Iterator[None]:
    """Caddy with the configuration that lies in the folder; it is killed, never asked to end."""
    program = caddy.find(os.environ["PATH"])
    assert program
    with subprocess.Popen(
        caddy.arguments(program, folder),
        env=caddy.environment(os.environ, folder),
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield
        finally:
            process.kill()


async def get(session: aiohttp.ClientSession, url: str, host: str) -> tuple[int, str]:
    async with session.get(url, headers={"Host": host}) as answer:
        return answer.status, await answer.text()


async def ask_raw(port: int, data: bytes) -> bytes:
    """Send bytes as they are; everything that comes back until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        await writer.drain()
        async with asyncio.timeout(PATIENCE):
            return await reader.read()
    finally:
        writer.close()


class Load:
    """Clients that ask without a pause, each on its own; what they were answered is counted."""

    def __init__(
        self, url: str, host: str, clients: int, *, keep_alive: bool, method: str = "GET"
    ) -> None:
        self.repeated = 0
        self.answers: dict[str, int] = {}
        self._url = url
        self._host = host
        self._method = method
        self._keep_alive = keep_alive
        self._over = asyncio.Event()
        self._tasks = [asyncio.create_task(self._ask(number)) for number in range(clients)]

    @property
    def total(self) -> int:
        return sum(self.answers.values())

    async def more(self, number: int) -> None:
        """Return when so many more answers have come."""
        wanted = self.total + number
        await until(lambda: self.total >= wanted, f"{number} answers more")

    async def end(self) -> dict[str, int]:
        """Stop asking; how often which status came, and which error."""
        self._over.set()
        await asyncio.gather(*self._tasks)
        return self.answers

    async def _ask(self, number: int) -> None:
        connector = aiohttp.TCPConnector(force_close=not self._keep_alive)
        async with aiohttp.ClientSession(connector=connector) as session:
            while not self._over.is_set():
                try:
                    async with session.request(
                        self._method, self._url, headers={"Host": self._host}
                    ) as answer:
                        await answer.read()
                        what = str(answer.status)
                except aiohttp.ClientConnectorError:
                    # Nothing was asked yet: it is asked again, as every browser does.
                    self.repeated += 1
                    continue
                except (aiohttp.ClientError, TimeoutError) as error:
                    what = repr(error)
                self.answers[what] = self.answers.get(what, 0) + 1


def cuts_at_changes(kind: str) -> bool:
    """Whether connections that this edge has not taken yet are reset when its routes change:
    Caddy opens its port anew, and the kernel hands over who waits there only if it is told to."""
    path = Path("/proc/sys/net/ipv4/tcp_migrate_req")
    return kind == "caddy" and not (path.exists() and path.read_text().strip() == "1")


def missing(kinds: Iterable[str] = ("local", "caddy")) -> dict[str, str]:
    """Why a kind of edge cannot be tried here, in a line."""
    found = caddy.find(os.environ["PATH"])
    reason = {} if found else {"caddy": "Caddy is not installed: apt install caddy"}
    return {kind: why for kind, why in reason.items() if kind in kinds}
