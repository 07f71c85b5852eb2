"""Who a request is: the one place that says it.

What it shows decides, in this order: the ``Authorization`` header, then the cookie of a sign-in
on the pages. A request that shows nothing is somebody only at the open door: from this very
machine, where the API allows it, while there is one tenant. Whoever shows a token that does not
count is nobody, even on this machine.
"""

from dataclasses import replace

from flask import Flask, g, request

from paas import doors
from paas.api.context import dialects, platform
from paas.api.dialect import owner_of
from paas.domain.errors import Unauthenticated
from paas.domain.specs import Actor
from paas.services import actors


def install(app: Flask) -> None:
    """Find out who each request is before anything else is done with it."""
    app.before_request(_look)


def actor() -> Actor:
    """Who the current request is; raises ``Unauthenticated`` when it is nobody."""
    if "actor" not in g:
        _look()
    if g.actor is None:
        raise g.refusal
    found: Actor = g.actor
    return found


def visitor() -> Actor | None:
    """Who the current request is; None when it is nobody."""
    if "actor" not in g:
        _look()
    found: Actor | None = g.actor
    return found


def _look() -> None:
    """Keep in ``g`` who the request is, or why it is nobody."""
    g.actor = g.refusal = None
    try:
        g.actor = replace(_found(), source=request.remote_addr or "")
    except Unauthenticated as error:
        g.refusal = error


def _found() -> Actor:
    if "Authorization" in request.headers:
        return _of_header(request.headers["Authorization"])
    if doors.has_signed_in():
        return actors.of_token(platform())
    return _at_open_door()


def _of_header(header: str) -> Actor:
    """Whose token the header shows."""
    kind, _, shown = header.partition(" ")
    if kind.lower() == "bearer" and doors.is_token(shown.strip()):
        return actors.of_token(platform())
    raise Unauthenticated("This token is not valid; sign in again, or use another one")


def _at_open_door() -> Actor:
    """Whoever shows nothing."""
    owner = owner_of(request.path, dialects())
    if owner is not None and not owner.open_door:
        raise Unauthenticated("This needs a token: send it as 'Authorization: Bearer ...'")
    if not doors.is_local(request.environ, platform().settings):
        raise Unauthenticated(
            "This request does not come from the platform's own machine, so it needs the "
            "token: send it as 'Authorization: Bearer ...', or sign in on the page"
        )
    found = actors.at_open_door(platform())
    if found is None:
        raise Unauthenticated(
            "This platform has several tenants, so every request needs a token: send it as "
            "'Authorization: Bearer ...', or sign in on the page"
        )
    return found
