"""One look at a release: does its own process tree listen, and what does it answer?"""

import re
from typing import Protocol

from . import processes

ANSWER_WITHIN = 10.0
HOPELESS_CRASHES = 3
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


class Release(Protocol):
    """A release that runs: ``keeper`` is the process that it hangs on, None while there is none."""

    @property
    def port(self) -> int: ...
    @property
    def keeper(self) -> int | None: ...
    @property
    def tree(self) -> list[int]: ...
    @property
    def crashes(self) -> int: ...
    @property
    def last_words(self) -> str: ...


class Guest(Protocol):
    """Where the app is to be found by its users."""

    @property
    def address(self) -> str: ...
    @property
    def port(self) -> int: ...


async def look(guest: Guest, release: Release, path: str) -> dict[str, object]:
    """The verdict as ``contract.Health`` has it."""
    if release.crashes >= HOPELESS_CRASHES:
        return _verdict(
            f"the app ended {release.crashes} times after its start{_words(release)}", fatal=True
        )
    if release.keeper is None:
        return _verdict(f"the app has ended and is being started again{_words(release)}")
    host, reason = find_host(release)
    if not host:
        return _verdict(reason)
    return await _ask(guest, host, release.port, path)


def _verdict(reason: str, *, ready: bool = False, fatal: bool = False) -> dict[str, object]:
    return {"ready": ready, "reason": reason, "fatal": fatal}


def _words(release: Release) -> str:
    return f"; its last words: {release.last_words}" if release.last_words else ""


def find_host(release: Release) -> tuple[str, str]:
    """The loopback address at which the release answers; else empty, and the reason."""
    ours, others = processes.listeners(release.tree)
    port = release.port
    if any(it.port == port and it.address in processes.REACHED_AT_LOOPBACK for it in others):
        return "", f"port {port} is held by a process that is not of this release"
    mine = {it.address for it in ours if it.port == port}
    if mine & processes.REACHED_AT_LOOPBACK:
        return "127.0.0.1", ""
    if processes.LOOPBACK_6 in mine:
        return "::1", ""
    elsewhere = sorted({it.port for it in ours if it.port != port})
    if elsewhere:
        ports = ", ".join(str(number) for number in elsewhere)
        return "", (
            f"the app listens on port {ports}, but it must listen on the port that the "
            "environment variable PORT names"
        )
    return "", "the app does not listen yet on the port that the environment variable PORT names"


async def _ask(guest: Guest, host: str, port: int, path: str) -> dict[str, object]:
    # Looking for a listener needs none of it, and loading it takes longer than that.
    import asyncio

    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            line = await _get(guest, host, port, path)
    except TimeoutError:
        return _verdict(f"the app gave no answer within {ANSWER_WITHIN:g} s")
    except OSError as error:
        return _verdict(f"the app did not answer: {error}")
    found = STATUS.match(line)
    if not found:
        return _verdict("the app's answer is not HTTP")
    status = int(found[1])
    return _verdict(f"the app answered {status} to GET {path}", ready=status < 500)


async def _get(guest: Guest, host: str, port: int, path: str) -> bytes:
    """The first line of the answer."""
    import asyncio

    reader, writer = await asyncio.open_connection(host, port)
    try:
        head = (
            f"GET {_quote(path)} HTTP/1.1",
            f"Host: {guest.address}:{guest.port}",
            "User-Agent: paas-health",
            "Accept: */*",
            "Connection: close",
        )
        writer.write("\r\n".join((*head, "", "")).encode())
        return await reader.readline()
    except ValueError:
        return b""
    finally:
        writer.close()


def _quote(path: str) -> str:
    """The path with everything encoded that could end the request's first line."""
    path = path if path.startswith("/") else f"/{path}"
    return "".join(chr(byte) if 0x21 <= byte <= 0x7E else f"%{byte:02X}" for byte in path.encode())
