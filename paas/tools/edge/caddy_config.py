"""The configuration of Caddy, as plain data: what it is told is a function of the table.

Measured with Caddy 2.6.2, Debian's, which these choices are for:

- Each change of the configuration makes new handlers. Requests under way go on with the old
  ones, but WebSockets are cut and a retry that waits for its interval fails. So there is no push
  without a difference, and retries do not wait.
- Its own active checks take 2xx and 3xx, or one class of statuses, for health and follow
  redirects. An app is well when it answers below 500; so the checks are ours (``health``), and
  what they find decides who is in the configuration. Between two checks the passive ones help.
- A connection to a guest that was kept could be closed by the guest just when a request is sent
  on it, and a POST cannot be repeated. So each request has a connection of its own.
"""

from collections.abc import Set
from typing import Any

from paas.domain.routes import Route, Table, Upstream
from paas.tools.edge.contract import SILENT, UNKNOWN, chosen

Json = dict[str, Any]

SERVER = "paas"
"""The name of our server among those of a Caddy that has others."""
MARK = "paas-edge"
"""Where Caddy shows our server again: ``/id/paas-edge``."""
ORIGIN = "localhost"
"""The Host by which its admin socket is called."""
REPEATED = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]
RETRIES = 3
# What a proxy in front could have said, and what only looks so to CGI and WSGI.
CLAIMS = [
    *("Forwarded", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "X_*", "X-Forwarded_*"),
    *(f"X-Forwarded-{what}" for what in ("Port", "Prefix", "Server", "Ssl", "Scheme", "User")),
]


def server(table: Table, down: Set[Upstream], listen: str) -> Json:
    """Our server: a route per app, a plain sentence for every other name."""
    routes = [_route(one, down) for one in table.routes]
    return {
        "@id": MARK,
        "listen": [listen],
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "read_header_timeout": "30s",
        "idle_timeout": "75s",
        "max_header_bytes": 64 * 1024,
        "routes": [_NO_CONNECT, *routes, {"handle": [_says(404, UNKNOWN)]}],
        "errors": {"routes": [{"handle": [_says("{http.error.status_code}", SILENT)]}]},
    }


def whole(ours: Json, admin: str) -> Json:
    """Everything that a Caddy of our own is told; ``admin`` is where it listens for us."""
    return {
        "admin": {"listen": admin, "origins": [ORIGIN], "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "ERROR"}}},
        "apps": {"http": {"servers": {SERVER: ours}}},
    }


def within(present: Json | None, ours: Json) -> Json:
    """The configuration of a Caddy that serves others too, with our server in it."""
    found = present or {}
    apps = found.get("apps") or {}
    http = apps.get("http") or {}
    servers = {**(http.get("servers") or {}), SERVER: ours}
    return {**found, "apps": {**apps, "http": {**http, "servers": servers}}}


def _route(route: Route, down: Set[Upstream]) -> Json:
    proxy = _proxy([str(one) for one in chosen(route.upstreams, down)])
    return {"match": [{"host": list(route.hosts)}], "handle": [proxy], "terminal": True}


def _proxy(dials: list[str]) -> Json:
    proxy: Json = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": dial} for dial in dials],
        "transport": {
            "protocol": "http",
            "keep_alive": {"enabled": False},
            "compression": False,
            "dial_timeout": "2s",
            "versions": ["1.1"],
        },
        "headers": {"request": {"delete": CLAIMS}},
    }
    if len(dials) > 1:
        proxy["load_balancing"] = {
            "selection_policy": {"policy": "round_robin"},
            "retries": RETRIES,
            "retry_match": [{"method": REPEATED}],
        }
        proxy["health_checks"] = {"passive": {"fail_duration": "1s", "max_fails": 1}}
    return proxy


_NO_CONNECT: Json = {
    "match": [{"method": ["CONNECT"]}],
    "handle": [{"handler": "static_response", "status_code": 405, "close": True}],
    "terminal": True,
}


def _says(status: int | str, sentence: str) -> Json:
    return {
        "handler": "static_response",
        "status_code": status,
        "headers": {"Content-Type": ["text/plain; charset=utf-8"], "Cache-Control": ["no-store"]},
        "body": f"{sentence}\n",
    }
