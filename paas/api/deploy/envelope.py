"""The one shape of document 001: ``success``, then a message or a resource, or what went wrong.

{"success": true, "message": "...", "deployment": {...}}
{"success": false, "errors": ["...", "..."]}     a request that breaks rules (400), and a
                                                 work that failed (500, with its deployment)
{"success": false, "error": "..."}               everything else
"""

from paas.api.envelopes import ErrorSchema, Message, describe_error, failure, render_error, success
from paas.api.operations import Answer

__all__ = ["ErrorSchema", "Message", "document_error", "failure", "render_error", "success"]

_REFUSALS = {
    400: ("The request breaks rules; each has its sentence", "Invalid GitHub URL"),
    401: ("The request shows no valid token", "The token is needed"),
    403: (
        "The actor may not do this, or a page of another site sent the request",
        "This needs the permission apps:write",
    ),
    404: ("There is no such deployment", "Deployment not found"),
    409: ("The deployment is busy or not in a fitting state", "The deployment is busy"),
    413: ("The body is over the limit", "The body is larger than this platform takes"),
    415: ("The body is not sent as JSON", "The body must be sent as application/json"),
    421: ("The Host header names another machine", "This platform is not known by that name"),
    422: ("The Idempotency-Key came with another body before", "That key was used before"),
    429: ("Too many requests", "Too many requests; try again in 20 seconds"),
    500: ("The platform failed; its log has the reason", "The platform failed to answer"),
    503: ("Too many streams, or a part that is needed is away", "Too many streams are open"),
}


def document_error(status: int) -> Answer:
    """The documented answer for an error's status."""
    return describe_error(status, *_REFUSALS[status])
