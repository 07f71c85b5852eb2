"""Who a request is: the one place that says it.

What it shows decides, in this order: the ``Authorization`` header (the platform's own token, a
named token of a user, the access token of a sign-in), then the cookie of the pages. A request
that shows nothing is somebody only at the open door: from this very machine, where the API allows
it, while there is one tenant. Whoever shows a token that does not count is nobody, even on this
machine.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from flask import Flask, copy_current_request_context, g, request
from flask_jwt_extended import JWTManager, create_access_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt import ExpiredSignatureError, PyJWTError

from paas import doors
from paas.api.context import dialects, platform
from paas.api.dialect import owner_of
from paas.domain.account_views import SignedIn
from paas.domain.errors import Unauthenticated
from paas.domain.specs import Actor
from paas.services import accounts, actors, tokens

ACCESS_FOR = timedelta(minutes=15)
# Web processes on several machines do not have quite the same clock.
LEEWAY_SECONDS = 5
SIGN_IN = "sid"
BAD = "This token is not valid; sign in again, or use another one"


def install(app: Flask, key: str) -> None:
    """Find out who each request is before it is served; ``key`` signs access tokens."""
    app.config.update(
        JWT_SECRET_KEY=key,
        JWT_ALGORITHM="HS256",
        JWT_DECODE_ALGORITHMS=["HS256"],
        JWT_ACCESS_TOKEN_EXPIRES=ACCESS_FOR,
        JWT_DECODE_LEEWAY=LEEWAY_SECONDS,
        # These claims are for tokens in cookies, and for tokens that count later.
        JWT_COOKIE_CSRF_PROTECT=False,
        JWT_ENCODE_NBF=False,
    )
    JWTManager(app)
    app.before_request(_look)


def access_token(signed_in: SignedIn) -> str:
    """What a client of an API shows from now on: it counts for a while, and not longer than its
    sign-in does."""
    token: str = create_access_token(
        str(signed_in.user.number), additional_claims={SIGN_IN: signed_in.sign_in}
    )
    return token


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


def watch() -> Callable[[], bool]:
    """A question for later, when the request is answered but still streams: does what it showed
    still make it exactly who it was?"""
    before = visitor()

    def is_same() -> bool:
        _look()
        return bool(g.actor == before)

    return copy_current_request_context(is_same)


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
    return _of_cookie() or _at_open_door()


def _of_header(header: str) -> Actor:
    """Whose token the header shows."""
    kind, _, shown = header.partition(" ")
    shown = shown.strip()
    if kind.lower() != "bearer":
        raise Unauthenticated(BAD)
    if doors.is_token(shown):
        return actors.of_token(platform())
    if shown.startswith(tokens.BEGINS):
        return tokens.identify_token(platform(), shown)
    return accounts.identify(platform(), _sign_in_of(shown))


def _sign_in_of(token: str) -> str:
    """The id of the sign-in that an access token was made for."""
    try:
        claims = decode_token(token)
    except ExpiredSignatureError:
        raise Unauthenticated("This token has expired; refresh it, or sign in again") from None
    except (PyJWTError, JWTExtendedException, RecursionError):
        # What is no token may be nested as deeply as a header is long.
        raise Unauthenticated(BAD) from None
    found = claims.get(SIGN_IN)
    if claims["type"] != "access" or not isinstance(found, str):
        raise Unauthenticated(BAD)
    return found


def _of_cookie() -> Actor | None:
    """Who signed in on the pages with this browser; None when nobody did, or not any more."""
    if doors.has_signed_in():
        return actors.of_token(platform())
    sign_in = doors.signed_in_as()
    if sign_in is None:
        return None
    try:
        return accounts.identify(platform(), sign_in)
    except Unauthenticated:
        return None


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
