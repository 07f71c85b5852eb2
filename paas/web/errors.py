"""Errors as pages: a sentence, and a way back."""

from collections.abc import Sequence
from typing import Protocol

from flask import Response, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError

from paas.domain.errors import PaasError, Unauthenticated

_TITLES = {
    400: "This cannot be read",
    403: "This is not allowed",
    404: "There is nothing here",
    405: "This cannot be done here",
    409: "Not now",
    413: "This is too large",
    421: "This is another machine",
    500: "This did not work",
    503: "Not available now",
}
# Pages that must not offer a way in: who reads them may not be let in, or not under this name.
_OUTSIDE = (401, 421)


class Fault(Protocol):
    """An error on its way out, with the sentences that a person may read."""

    @property
    def status(self) -> int: ...
    @property
    def sentences(self) -> Sequence[str]: ...
    @property
    def error(self) -> PaasError | None: ...


def render_error(fault: Fault) -> Response:
    """The page for a fault; who is not signed in is led to the sign-in and back from there."""
    if isinstance(fault.error, Unauthenticated):
        wanted = request.full_path.rstrip("?") if request.method == "GET" else "/"
        return make_response(redirect(url_for("web.session.sign_in", next=wanted), code=303))
    return page(fault.status, fault.sentences)


def stale_form(_error: CSRFError) -> Response:
    """The page for a form whose token does not fit."""
    return page(400, ["This form is too old, or it comes from elsewhere. Load its page again."])


def page(status: int, sentences: Sequence[str]) -> Response:
    """An error page."""
    html = render_template(
        "web/error.html",
        title=_TITLES.get(status, _TITLES[500]),
        sentences=sentences,
        closed=status in _OUTSIDE,
    )
    return make_response(html, status)
