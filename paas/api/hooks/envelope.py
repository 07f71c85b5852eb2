"""The envelope of hooks is the common one; this file says what its errors mean."""

from paas.api.envelopes import describe_error, render_error, success
from paas.api.operations import Answer

__all__ = ["document_error", "render_error", "success"]

_REFUSALS = {
    400: ("The push cannot be read", "The push names no branch"),
    401: ("The request does not prove that it knows the secret", "This push is not signed"),
    403: ("A page of another site sent the request", "A page of another site sent this request"),
    413: ("The body is over the limit", "The body is larger than this platform takes"),
    415: ("The body is not sent as JSON", "The body must be sent as application/json"),
    421: ("The Host header names another machine", "This platform is not known by that name"),
    429: ("Too many pushes from this address", "Too many requests"),
    500: ("The platform failed; its log has the reason", "The platform failed to answer"),
}


def document_error(status: int) -> Answer:
    """The documented answer for an error's status."""
    return describe_error(status, *_REFUSALS[status])
