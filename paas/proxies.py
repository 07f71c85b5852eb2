"""Proxies that may speak for others: a TLS proxy in front of the platform, named by a setting.

Whatever another peer says of where a request comes from is not believed.
"""

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PROXIED = "paas.proxied"
"""In the environ of a request that a trusted proxy handed on: it is never from this machine."""


class TrustedProxies:
    """WSGI middleware: a request of a trusted proxy looks as if its sender were the peer.

    Of ``X-Forwarded-For`` the last address counts that is no trusted proxy itself: what stands
    left of it was written by whoever sent the request. ``X-Forwarded-Proto`` and
    ``X-Forwarded-Host`` are the last value, which the nearest proxy wrote; the host is still
    checked like any. A value that cannot be read changes nothing.
    """

    def __init__(self, application: "WSGIApplication", trusted: Iterable[str]) -> None:
        self._application = application
        self._trusted = tuple(ipaddress.ip_network(one) for one in trusted)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        peer = _address(environ.get("REMOTE_ADDR") or "")
        if peer is not None and self._trusts(peer):
            self._believe(environ, peer)
        return self._application(environ, start_response)

    def _believe(self, environ: "WSGIEnvironment", peer: Address) -> None:
        environ[PROXIED] = True
        environ["REMOTE_ADDR"] = str(self._sender(environ, peer))
        scheme = _values(environ, "HTTP_X_FORWARDED_PROTO")[-1].lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        host = _values(environ, "HTTP_X_FORWARDED_HOST")[-1]
        if host:
            environ["HTTP_HOST"] = host

    def _sender(self, environ: "WSGIEnvironment", peer: Address) -> Address:
        """The last hop that is no trusted proxy; the farthest known one when there is none."""
        sender = peer
        for text in reversed(_values(environ, "HTTP_X_FORWARDED_FOR")):
            found = _address(text)
            if found is None:
                break
            sender = found
            if not self._trusts(found):
                break
        return sender

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _values(environ: "WSGIEnvironment", name: str) -> list[str]:
    """The values of a header, several lines of which a server joins with commas."""
    return [part.strip() for part in str(environ.get(name, "")).split(",")]


def _address(text: str) -> Address | None:
    """The address, IPv4 within IPv6 as IPv4; None when it is none."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
