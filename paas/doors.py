"""Who may come in: checked before every request, whatever it is for.

A deploy runs code. So a request is served only when it is known who it is, which
``paas.api.identity`` says; and no page of another site may send requests through the browser of
someone who may.
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

from paas.domain.account_views import SignedIn
from paas.domain.errors import Forbidden, WrongHost
from paas.proxies import PROXIED
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
    """Session cookies that are ``Secure`` exactly when the request came over HTTPS.

    Their name says so too: one with ``__Host-`` can be set by this very host alone, so neither
    another name of its domain nor a page over HTTP can put one in its place.
    """

    def get_cookie_name(self, app: Flask) -> str:
        name = super().get_cookie_name(app)
        return f"__Host-{name}" if request.is_secure else name

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        return request.is_secure


def install(app: Flask, settings: Settings, *, token: str, key: str) -> None:
    """Put the first door before every route: the Host header and the page that sends a request.

    ``token`` is the platform's own. ``key`` signs the session cookie, whose name carries a mark
    of it, because cookies do not tell ports apart and two instances may live on one machine.
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

    app.before_request(check)
    app.after_request(_add_headers)


def close(app: Flask, admit: Callable[[], object]) -> None:
    """Put the second door before every route but the open ones, of blueprints added later too.

    ``admit`` raises ``Unauthenticated`` when the current request is nobody.
    """

    def check() -> None:
        if not _is_open():
            admit()

    app.before_request(check)


def without_token(view: View) -> View:
    """Mark a view that anyone may reach: it tells nothing, or finds out by itself who asks."""
    _open_views.add(view)
    return view


def is_without_token(view: Callable[..., object]) -> bool:
    """Whether anyone may reach the view."""
    return view in _open_views


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


def is_local(environ: Mapping[str, object], settings: Settings) -> bool:
    """Whether the bound address, the peer and the Host are loopback, and no proxy speaks for
    someone else."""
    match = HOST.fullmatch(str(environ.get("HTTP_HOST", "")))
    return (
        settings.binds_loopback
        and PROXIED not in environ
        and _is_loopback_address(str(environ.get("REMOTE_ADDR") or ""))
        and match is not None
        and _is_loopback_name(match["name"].lower())
        and not any(FORWARDING.fullmatch(name) for name in environ)
    )


def is_token(shown: str) -> bool:
    """Whether this is the platform's own token."""
    return _same(shown, current_app.config["PAAS_TOKEN"])


def has_signed_in() -> bool:
    """Whether the browser has signed in with the platform's own token."""
    return _same(str(session.get("token", "")), _token_mark())


def signed_in_as() -> str | None:
    """The id of the sign-in of a user that the browser's cookie names."""
    found = session.get("sign_in")
    return found if isinstance(found, str) else None


def sign_in(token: str) -> bool:
    """Let the browser in for a week if the token is right; a new token ends all sign-ins."""
    if not is_token(token):
        return False
    session.clear()
    session.permanent = True
    session["token"] = _token_mark()
    return True


def sign_in_user(signed_in: SignedIn) -> None:
    """Let the browser in as a user, for as long as the sign-in counts, at most for a week."""
    session.clear()
    session.permanent = True
    session["sign_in"] = signed_in.sign_in


def is_static(endpoint: str) -> bool:
    """Whether a route serves files that are the same for everybody."""
    return endpoint == "static" or endpoint.endswith(".static")


def sign_out() -> None:
    """Forget the sign-in of this browser."""
    session.clear()


def _is_open() -> bool:
    """Whether the route is a sign-in or a static file."""
    endpoint = request.endpoint or ""
    return is_static(endpoint) or current_app.view_functions.get(endpoint) in _open_views


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
