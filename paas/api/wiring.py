"""Registers the dialects, and gives every error the shape of the dialect whose URL it is."""

import logging
from collections.abc import Callable, Sequence

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from paas.api.dialect import Dialect, Fault, owner_of
from paas.api.limits import RateLimitExceeded, too_many
from paas.domain import errors
from paas.domain.errors import PaasError, WrongMediaType

log = logging.getLogger(__name__)

STATUS: dict[type[PaasError], int] = {
    errors.Invalid: 400,
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.NotAcceptable: 406,
    errors.Conflict: 409,
    errors.ForeignGuest: 409,
    errors.TooLarge: 413,
    errors.WrongMediaType: 415,
    errors.WrongHost: 421,
    errors.KeyReused: 422,
    errors.TooMany: 429,
    errors.Busy: 503,
    errors.Unavailable: 503,
    errors.Unreachable: 503,
    errors.StepInterrupted: 503,
    errors.StepFailed: 503,
}

SENTENCES = {
    400: "The request cannot be read",
    404: "There is nothing at this path",
    405: "This path does not take that method",
    406: "The answer cannot be given in a form that the request accepts",
    408: "The request took too long to arrive",
    413: "The body is larger than this platform takes",
    414: "The URL is too long",
    415: "The body must be sent as application/json",
    431: "A header of the request is too long",
}
INTERNAL = "The platform failed to answer this request; its log has the reason"


def register(
    app: Flask, dialects: Sequence[Dialect], fallback: Callable[[Fault], Response]
) -> None:
    """Register the dialects; errors at paths that none of them claims go to ``fallback``."""

    def render(error: Exception) -> Response:
        if isinstance(error, HTTPException) and (error.response or error.code in range(300, 400)):
            return app.make_response(error.get_response())
        fault = fault_of(too_many(error) if isinstance(error, RateLimitExceeded) else error)
        owner = owner_of(request.path, dialects)
        response = owner.render_error(fault) if owner else fallback(fault)
        response.headers.update(fault.headers)
        return response

    for dialect in dialects:
        app.register_blueprint(dialect.blueprint)
    app.register_error_handler(Exception, render)


def render_plainly(fault: Fault) -> Response:
    """The sentences as lines of text."""
    text = "".join(f"{sentence}\n" for sentence in fault.sentences)
    return Response(text, fault.status, mimetype="text/plain")


def json_only() -> None:
    """Before any route of a JSON API: a body that a form could send is refused.

    A request without a body needs no Content-Type.
    """
    if request.content_type and not request.is_json and request.method not in ("GET", "HEAD"):
        raise WrongMediaType(
            f"{SENTENCES[415]}, not as {request.mimetype[:100]!r}; set the Content-Type header"
        )


def fault_of(error: Exception) -> Fault:
    """What a client may know of an error; what it may not is logged here."""
    if isinstance(error, PaasError):
        return _fault_of_meaning(error)
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        allow = getattr(error, "valid_methods", None)
        headers = {"Allow": ", ".join(sorted(allow))} if allow else {}
        return Fault(error.code, (SENTENCES.get(error.code, error.name),), headers)
    log.error("%s %r failed", request.method, request.path, exc_info=error)
    return Fault(500, (INTERNAL,))


def _fault_of_meaning(error: PaasError) -> Fault:
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    headers: dict[str, str] = {}
    if isinstance(error, errors.Busy | errors.TooMany):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="paas"'
    if status >= 500 and not isinstance(error, errors.Busy):
        log.error(
            "%s %r failed: %s", request.method, request.path, error.detail or error, exc_info=error
        )
    sentences = error.errors if isinstance(error, errors.Invalid) else [error.message]
    return Fault(status, tuple(sentences), headers, error)
