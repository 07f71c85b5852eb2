"""The shapes of document 000: a resource by its name or a message, or what went wrong.

{"app": {...}}    {"message": "...", "replicas": 3}
{"error": "..."}  every error; of a request that breaks several rules, all sentences in one
"""

import re
from collections.abc import Mapping

from flask import Response
from marshmallow import Schema, fields

from paas.api.dialect import Fault
from paas.api.envelopes import dumped
from paas.api.loading import StrictSchema
from paas.api.operations import ERROR_HEADERS, Answer
from paas.domain.errors import Deleted

MISSING = "Application not found"
# Services that serve document 001 too have its word for an app, which here is an attempt's.
_APP = re.compile(r"\b(This|Only an? \w+) deployment\b|\bDeployment(?= not found)")
_REFUSALS = {
    400: ("The request breaks rules; each has its sentence", "Invalid limit. Must be 1-10000"),
    401: ("The request shows no valid token", "The token is needed"),
    403: ("The actor may not do this", "This needs the permission apps:write"),
    404: ("There is no such thing, or it is another team's", "Application not found"),
    409: ("The thing is busy or not in a fitting state", "This application is busy (deploy)"),
    413: ("The body is over the limit", "The body is larger than this platform takes"),
    415: ("The body is not sent as JSON", "The body must be sent as application/json"),
    421: ("The Host header names another machine", "This platform is not known by that name"),
    429: ("Too many requests", "Too many requests; try again in 20 seconds"),
    500: ("The platform failed; its log has the reason", "The platform failed to answer"),
    503: ("Too many streams, or a part that is needed is away", "Too many streams are open"),
}


class PlainError(StrictSchema):
    error = fields.String(required=True)


class Said(StrictSchema):
    message = fields.String(required=True)


def success(
    schema: type[Schema],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **parts: object,
) -> Response:
    """A success: its parts, and nothing around them."""
    return dumped(schema, status, parts, headers)


def render_error(fault: Fault) -> Response:
    """Any error, as one text. What was deleted is not found: the document has no word for it."""
    if isinstance(fault.error, Deleted):
        return dumped(PlainError, 404, {"error": MISSING})
    return dumped(PlainError, fault.status, {"error": in_words("; ".join(fault.sentences))})


def in_words(text: str) -> str:
    """A sentence of the services in the words of this document."""
    return _APP.sub(_application, text)


def _application(match: re.Match[str]) -> str:
    return f"{match[1]} application" if match[1] else "Application"


def document_error(status: int) -> Answer:
    """The documented answer for an error's status."""
    description, sentence = _REFUSALS[status]
    headers = ERROR_HEADERS.get(status, {})
    return Answer(description, (PlainError,), {"error": sentence}, headers=headers)
