"""The supervisor's side of the control socket: one request, one answer, one line each."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from .entering import Options
from .layout import GuestError
from .supervisor import Supervisor

Request = dict[str, object]
Answer = dict[str, object]


class Desk:
    """Turns requests into calls; what changes the guest happens one at a time."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._turn = asyncio.Lock()
        self._changes: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            "start-release": self._start_release,
            "switch": self._switch,
            "retire": self._retire,
            "stop": self._stop,
            "start": self._start,
            "resize": self._resize,
        }

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            request = json.loads(await reader.readline())
            answer = await self._serve(request)
        except (GuestError, OSError) as error:
            answer = {"error": str(error)}
        except (ValueError, KeyError, TypeError) as error:
            answer = {"error": f"The supervisor does not understand the request: {error!r}."}
        try:
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    async def _serve(self, request: Request) -> Answer:
        verb = str(request["verb"])
        if verb == "status":
            return self._supervisor.status()
        if verb == "health":
            return await self._supervisor.look(_number(request), str(request["path"]))
        if verb == "shutdown":
            self._supervisor.is_over.set()
            return {}
        async with self._turn:
            return await self._changes[verb](request)

    async def _start_release(self, request: Request) -> Answer:
        options = Options(str(request["dependencies"]), str(request["runtime"]))
        release = await self._supervisor.start_release(_number(request), options)
        return {"release": release.number, "port": release.port}

    async def _switch(self, request: Request) -> Answer:
        await self._supervisor.switch(_number(request))
        return {}

    async def _retire(self, request: Request) -> Answer:
        await self._supervisor.retire(_number(request))
        return {}

    async def _stop(self, _: Request) -> Answer:
        await self._supervisor.stop()
        return {}

    async def _start(self, _: Request) -> Answer:
        await self._supervisor.start()
        return {}

    async def _resize(self, request: Request) -> Answer:
        cores, memory, disk = (int(str(request[name])) for name in ("cores", "memory", "disk"))
        self._supervisor.resize(cores, memory, disk)
        return {}


def _number(request: Request) -> int:
    return int(str(request["release"]))
