"""Small tools for answers: read them, change them, word them as Proxmox does."""

import fnmatch
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from aiohttp import web

API = "/api2/json"


class Request(NamedTuple):
    """One request as it came; ``path`` without the API's prefix, ``token`` without its secret."""

    method: str
    path: str
    token: str = ""
    query: str = ""


def read(request: web.Request) -> Request:
    """What a request asks, and for whom."""
    token = request.headers.get("Authorization", "").removeprefix("PVEAPIToken=").partition("=")[0]
    path = request.path.removeprefix(API).rstrip("/") or "/"
    return Request(request.method, path, token, request.query_string)


def fits(request: Request, pattern: str, method: str = "*") -> bool:
    """Whether a pattern names the path; ``*`` stands for anything, slashes too."""
    return method in ("*", request.method) and fnmatch.fnmatchcase(request.path, pattern)


def edited(response: web.Response, change: Callable[[Any], Any]) -> web.Response:
    """The answer with its data changed in place, or replaced by what ``change`` returns."""
    body = json.loads(response.text)
    result = change(body["data"])
    return web.json_response({"data": body["data"] if result is None else result})


def refusal(status: int, reason: str, body: Any = None) -> web.Response:
    """An error; without a body the message is in both places, and a 401 or 595 has none."""
    line = reason.splitlines()[0] if reason else None
    if body is not None:
        return web.json_response(body, status=status, reason=line)
    if status in (401, 595, 596):
        return web.Response(status=status, reason=line)
    return web.json_response({"data": None, "message": f"{reason}\n"}, status=status, reason=line)
