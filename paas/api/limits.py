"""Holds each API to the rates that it names: Flask-Limiter, counting in Redis.

Several web processes share the counts. While Redis does not answer, each process counts by
itself; it looks for Redis again every few seconds.
"""

import ipaddress
import time
from typing import TYPE_CHECKING

from flask import Flask, Response, current_app, request
from flask_limiter import Limit, Limiter, RateLimitExceeded

from paas import doors
from paas.api import identity
from paas.api.context import dialects, platform
from paas.api.dialect import owner_of
from paas.api.rates import Rates
from paas.domain.errors import TooMany
from paas.domain.specs import Actor
from paas.engine.assembly import redis_url

if TYPE_CHECKING:
    from paas.engine.platform import Platform

__all__ = ["RateLimitExceeded", "install", "too_many"]

LIMITER = "paas.limiter"
NOBODYS = "paas.rates"
PAGES = "pages"
# A Redis that hangs must not make every request hang.
REDIS_SECONDS = 1.0


def install(app: Flask, core: "Platform", rates: Rates) -> None:
    """Count every request before it is served; ``rates`` hold where no API claims the path.

    Who asks must be known by then: ``identity`` is installed before this.
    """
    limiter = Limiter(
        _person,
        app=app,
        default_limits=[
            Limit(_by_person, _person, scope=_scope, shared=True),
            Limit(_by_address, _address, scope=_scope, shared=True),
        ],
        # Unknown paths and methods count too, which have no endpoint.
        request_identifier=_scope,
        strategy="fixed-window",
        storage_uri=_storage(redis_url(core.settings)),
        storage_options={"socket_connect_timeout": REDIS_SECONDS, "socket_timeout": REDIS_SECONDS},  # type: ignore[dict-item]
        in_memory_fallback_enabled=True,
        # Its own headers put Retry-After on every answer.
        headers_enabled=False,
        key_prefix=core.installation,
    )
    app.extensions[LIMITER] = limiter
    app.extensions[NOBODYS] = rates
    app.after_request(_add_headers)


def too_many(_error: RateLimitExceeded) -> TooMany:
    """What it means that the current request was one too many."""
    hit = _limiter().current_limit
    if hit is None:
        return TooMany("Too many requests. Try again in a minute", retry_after=60)
    seconds = max(hit.reset_at - int(time.time()), 1)
    name = hit.limit.GRANULARITY.name
    window = name if hit.limit.multiples == 1 else f"{hit.limit.multiples} {name}s"
    return TooMany(
        f"Too many requests: {hit.limit.amount} per {window} are taken here. "
        f"Try again in {seconds} second{'s' * (seconds != 1)}",
        retry_after=seconds,
    )


def _storage(url: str) -> str:
    return url.replace("unix://", "redis+unix://", 1) if url.startswith("unix://") else url


def _limiter() -> Limiter:
    limiter: Limiter = current_app.extensions[LIMITER]
    return limiter


def _rates() -> Rates:
    owner = owner_of(request.path, dialects())
    rates: Rates = owner.rates if owner else current_app.extensions[NOBODYS]
    return rates


def _scope(_endpoint: str = "") -> str:
    """What is counted together: all of an API, all pages."""
    owner = owner_of(request.path, dialects())
    return owner.name if owner else PAGES


def _is_spared() -> bool:
    if doors.is_static(request.endpoint or ""):
        return True
    return _rates().spares_local and doors.is_local(request.environ, platform().settings)


def _by_person() -> str:
    return "" if _is_spared() else _rates().of_role(identity.visitor())


def _by_address() -> str:
    return "" if _is_spared() else _rates().of_address(request.path)


def _person() -> str:
    """Whose requests are counted together: those of a user, or of an address without one."""
    actor: Actor | None = identity.visitor()
    if actor is None:
        return _address()
    return f"user:{actor.user_id}" if actor.user_id is not None else f"name:{actor.name}"


def _address() -> str:
    """The address that is counted, which no header changes but those of a trusted proxy.

    Of IPv6 it is the network: one machine has a whole /64 to choose from.
    """
    text = request.remote_addr or ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return f"address:{text}"
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        network = ipaddress.ip_network((address, 64), strict=False)
        return f"address:{mapped or network.network_address}"
    return f"address:{address}"


def _add_headers(response: Response) -> Response:
    """What is left, on every answer to a request that was counted."""
    limiter = _limiter()
    hit = limiter.current_limit
    if hit is None:
        return response
    try:
        left, reset = hit.remaining, hit.reset_at
    except limiter.storage.base_exceptions:
        # Redis went between the count and this look; the next request counts by memory.
        return response
    response.headers["X-RateLimit-Limit"] = str(hit.limit.amount)
    response.headers["X-RateLimit-Remaining"] = str(left)
    response.headers["X-RateLimit-Reset"] = str(reset)
    return response
