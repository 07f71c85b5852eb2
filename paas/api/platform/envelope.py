"""Errors of what is no JSON API: the sentences as text, for a person at a terminal to read."""

from paas.api.operations import ERROR_HEADERS, Answer
from paas.api.wiring import render_plainly as render_error

__all__ = ["document_error", "render_error"]

_MEANINGS = {
    401: "The request shows no valid token",
    403: "The actor may not do this, or a page of another site sent the request",
    421: "The Host header names another machine",
    429: "Too many requests",
    500: "The platform failed; its log has the reason",
    503: "A needed part does not answer",
}


def document_error(status: int) -> Answer:
    """The documented answer for an error's status."""
    return Answer(_MEANINGS[status], media="text/plain", headers=ERROR_HEADERS.get(status, {}))
