"""Caddy as the edge: told by its admin API what to serve, and only when that is new."""

import asyncio
import http.client
import json
import shutil
import socket
from collections.abc import Mapping, Set
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from paas.domain.errors import Unavailable
from paas.domain.routes import Table, Upstream
from paas.tools.edge import caddy_config, files
from paas.tools.edge.caddy_config import Json

PATIENCE = 10.0
CONFIG = "caddy.json"


def find(path: str) -> str | None:
    """The ``caddy`` program of a search path, or None."""
    return shutil.which("caddy", path=path)


def arguments(program: str, folder: Path) -> list[str]:
    """The command of a Caddy of our own, in the foreground, with what it was told last."""
    return [program, "run", "--config", str(folder / CONFIG)]


def environment(base: Mapping[str, str], folder: Path) -> dict[str, str]:
    """What Caddy sees of the environment: it keeps its own things in the instance."""
    home = str(folder)
    kept = {name: base[name] for name in ("PATH", "TZ", "LANG") if name in base}
    return {**kept, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home}


def first_config(folder: Path, admin: str, listen: str) -> None:
    """Write what a Caddy of our own begins with: what it was told last, if it listens there."""
    path = folder / CONFIG
    try:
        before = json.loads(path.read_text())
        same = before["admin"]["listen"] == admin
        same = same and before["apps"]["http"]["servers"][caddy_config.SERVER]["listen"] == [listen]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        ours = caddy_config.server(Table(), frozenset(), listen)
        files.write_whole(path, json.dumps(caddy_config.whole(ours, admin)))


class Answer(NamedTuple):
    """What the admin API said."""

    status: int
    body: str
    etag: str


class Admin:
    """The admin API, at ``unix//path`` as Caddy writes it or at ``http://host:port``."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, method: str, path: str, body: str = "", etag: str = "") -> Answer:
        """One request; raises ``Unavailable`` when nobody answers."""
        connection = self._connection()
        given = {"Content-Type": "application/json"} if body else {}
        if etag:
            given["If-Match"] = etag
        try:
            connection.request(method, path, body=body or None, headers=given)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            return Answer(answer.status, text, answer.headers.get("Etag") or "")
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(
                f"Caddy's admin API at {self.address} does not answer ({error}); what it was told "
                "last holds until it does"
            ) from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self.address.startswith("unix/"):
            return _UnixConnection(self.address.removeprefix("unix/"))
        where = urlsplit(self.address)
        return http.client.HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__(caddy_config.ORIGIN, timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self._path)


class CaddyEdge:
    """Tells a Caddy: our own whole, with ``folder`` for what it begins with; of another's only
    the server that is ours."""

    def __init__(self, admin: str, listen: str, folder: Path | None = None) -> None:
        self._admin = Admin(admin)
        self._listen = listen
        self._folder = folder
        self._told: Json | None = None

    async def open(self) -> None:
        """Nothing: Caddy is started by who owns it."""

    async def apply(self, table: Table, down: Set[Upstream]) -> None:
        """Push the configuration when it differs from what was pushed last."""
        ours = caddy_config.server(table, down, self._listen)
        if ours != self._told:
            await asyncio.to_thread(self._push, ours)
            self._told = ours

    async def holds(self) -> bool:
        """Whether Caddy shows our server as we wrote it; it may have been started again."""
        if self._told is None:
            return False
        found = await asyncio.to_thread(self._admin.ask, "GET", f"/id/{caddy_config.MARK}")
        if found.status == 200 and json.loads(found.body) == self._told:
            return True
        self._told = None
        return False

    async def close(self) -> None:
        """Leave it as it is: it serves on without us."""

    def _push(self, ours: Json) -> None:
        if self._folder is not None:
            text = json.dumps(caddy_config.whole(ours, self._admin.address))
            # First the file: a Caddy that is started again in this moment begins with it.
            files.write_whole(self._folder / CONFIG, text)
            answer = self._admin.ask("POST", "/load", text)
        else:
            present = self._admin.ask("GET", "/config/")
            merged = caddy_config.within(json.loads(present.body or "null"), ours)
            answer = self._admin.ask("POST", "/config/", json.dumps(merged), present.etag)
        if answer.status >= 300:
            raise Unavailable(
                f"Caddy at {self._admin.address} does not take the routes: it answered "
                f"{answer.status}. Look whether {self._listen} is free for it",
                detail=answer.body[:2000],
            )
