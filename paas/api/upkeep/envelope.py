"""The envelope of upkeep is the common one; this file says what its errors mean."""

from paas.api.envelopes import describe_error, render_error, success
from paas.api.operations import Answer

__all__ = ["document_error", "render_error", "success"]

_REFUSALS = {
    400: ("The request breaks rules; each has its sentence", "Unknown field 'vmid'"),
    401: ("The request shows no valid token", "The token is needed"),
    403: (
        "The actor may not do this, or a page of another site sent the request",
        "This needs the permission apps:write",
    ),
    404: ("There is no such guest without a deployment", "There is no guest 100012 of ours"),
    409: ("The guest cannot be taken over", "The name 'shop' is taken by another deployment"),
    413: ("The body is over the limit", "The body is larger than this platform takes"),
    415: ("The body is not sent as JSON", "The body must be sent as application/json"),
    421: ("The Host header names another machine", "This platform is not known by that name"),
    429: ("Too many requests", "Too many requests; try again in 20 seconds"),
    500: ("The platform failed; its log has the reason", "The platform failed to answer"),
    503: ("A place where guests live does not answer", "Proxmox does not answer"),
}


def document_error(status: int) -> Answer:
    """The documented answer for an error's status."""
    return describe_error(status, *_REFUSALS[status])
