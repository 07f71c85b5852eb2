"""Who may come in: checked before every request, whatever it is for.

A deploy runs code, and document 001 knows no sign-in. So a request is served only when it comes
from this very machine, or shows the token; and no page of another site may send requests
through the browser of someone who may.
"""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar

from flask import Flask, Response, current_app, request, session
from flask.sessions import SecureCookieSessionInterface

from paas.domain.errors import Forbidden, TooLarge, Unauthenticated, WrongHost
from paas.settings import Settings

View = TypeVar("View", bound=Callable[..., object])

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SIGNED_IN_FOR = timedelta(days=7)

# A proxy that speaks for someone elsewhere says so in one of these.
FORWARDING = re.compile(r"HTTP_(FORWARDED|X_FORWARDED(_\w+)?|X_REAL_IP|X_CLIENT_IP|VIA)")
HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Nothing is told to other sites. It is not "no-referrer", because under that browsers send
    # the platform's own forms with "Origin: null", which is refused here.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_open_views: set[Callable[..., object]] = set()


class _Cookies(SecureCookieSessionInterface):
    """Session cookies that are ``Secure`` exactly when the request came over HTTPS."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        return request.is_secure


def install(app: Flask, settings: Settings, *, token: str, key: str) -> None:
    """Put the doors before every route of the application, of blueprints added later too.

    ``key`` signs the session cookie. Its name carries a mark of the key, because cookies do not
    tell ports apart and two instances may live on one machine.
    """
    app.session_interface = _Cookies()
    app.config.update(
        SECRET_KEY=key,
        SESSION_COOKIE_NAME=f"paas_{_mark(key, 'cookie')[:8]}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=SIGNED_IN_FOR,
        PAAS_TOKEN=token,
    )

    def check() -> None:
        check_host(request.environ.get("HTTP_HOST", ""), settings.hosts)
        if request.method not in SAFE_METHODS:
            check_origin(request.environ)
        if not (_is_open() or is_local(request.environ, settings) or has_token()):
            raise Unauthenticated(
                "This request does not come from the platform's own machine, so it needs the "
                "token: send it as 'Authorization: Bearer ...', or sign in on the page"
            )
        check_length(request.content_length or 0, settings)

    app.before_request(check)
    app.after_request(_add_headers)


def without_token(view: View) -> View:
    """Mark a view that anyone may reach: the sign-in, and nothing that tells or does anything."""
    _open_views.add(view)
    return view


def check_host(header: str, allowed: tuple[str, ...]) -> None:
    """Raise ``WrongHost`` unless the Host header names this machine.

    A page of another site whose name was made to resolve to this machine (DNS rebinding) still
    sends its own name.
    """
    match = HOST.fullmatch(header)
    name = match["name"].lower() if match else ""
    if not match or not (_is_loopback_name(name) or name in _lowered(allowed)):
        raise WrongHost(
            f"This platform is not known as {header[:100]!a}; if it should be, add that name "
            "to PAAS_HOSTS and start it again"
        )


def check_origin(environ: Mapping[str, object]) -> None:
    """Raise ``Forbidden`` when a browser says that a page of another origin sent the request."""
    origin = environ.get("HTTP_ORIGIN")
    site = environ.get("HTTP_SEC_FETCH_SITE")
    host = str(environ.get("HTTP_HOST", "")).lower()
    is_own = origin is None or str(origin).lower() in (f"http://{host}", f"https://{host}")
    if not is_own or site not in (None, "same-origin", "none"):
        raise Forbidden("A page of another site sent this request, so it was refused")


def check_length(length: int, settings: Settings) -> None:
    """Raise ``TooLarge`` for a body of so many bytes, when it is over the limit."""
    if length > settings.body_limit:
        raise TooLarge(
            f"The body is larger than the {settings.body_limit_kb} KB that this platform takes"
        )


def is_local(environ: Mapping[str, object], settings: Settings) -> bool:
    """Whether the bound address, the peer and the Host are loopback, and no proxy speaks for
    someone else."""
    match = HOST.fullmatch(str(environ.get("HTTP_HOST", "")))
    return (
        settings.binds_loopback
        and _is_loopback_address(str(environ.get("REMOTE_ADDR") or ""))
        and match is not None
        and _is_loopback_name(match["name"].lower())
        and not any(FORWARDING.fullmatch(name) for name in environ)
    )


def has_token() -> bool:
    """Whether the request shows the token: as a bearer, or by the cookie of a sign-in."""
    kind, _, shown = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and _is_token(shown.strip()):
        return True
    return _same(str(session.get("token", "")), _token_mark())


def sign_in(token: str) -> bool:
    """Let the browser in for a week if the token is right; a new token ends all sign-ins."""
    if not _is_token(token):
        return False
    session.clear()
    session.permanent = True
    session["token"] = _token_mark()
    return True


def sign_out() -> None:
    """Forget the sign-in of this browser."""
    session.clear()


def _is_open() -> bool:
    """Whether the route is a sign-in or a static file."""
    endpoint = request.endpoint or ""
    if endpoint == "static" or endpoint.endswith(".static"):
        return True
    return current_app.view_functions.get(endpoint) in _open_views


def _is_token(shown: str) -> bool:
    return _same(shown, current_app.config["PAAS_TOKEN"])


def _token_mark() -> str:
    """What a session keeps of the token: enough to see that it is the same one, no more."""
    return _mark(current_app.config["SECRET_KEY"], current_app.config["PAAS_TOKEN"])


def _mark(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _same(one: str, other: str) -> bool:
    return bool(other) and hmac.compare_digest(one.encode(), other.encode())


def _is_loopback_name(name: str) -> bool:
    return name == "localhost" or _is_loopback_address(name.strip("[]"))


def _is_loopback_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _lowered(names: tuple[str, ...]) -> set[str]:
    return {name.lower() for name in names}


def _add_headers(response: Response) -> Response:
    """The headers that keep a browser from doing more than the pages need.

    A route may have set its own: a stricter or, for the queue's dashboard, a wider policy.
    """
    for name, value in HEADERS.items():
        if name == "Cache-Control" and (request.endpoint or "").endswith("static"):
            continue
        response.headers.setdefault(name, value)
    return response
