"""The one shape of document 001: ``success``, then a message or a resource, or what went wrong.

{"success": true, "message": "...", "deployment": {...}}
{"success": false, "errors": ["...", "..."]}     a request that breaks rules (400), and a
                                                 work that failed (500, with its deployment)
{"success": false, "error": "..."}               everything else
"""

from collections.abc import Mapping
from functools import cache

from flask import Response, jsonify
from marshmallow import Schema, fields

from paas.api.dialect import Fault
from paas.api.loading import StrictSchema
from paas.api.operations import ERROR_HEADERS, Answer


class ErrorSchema(StrictSchema):
    success = fields.Constant(False, required=True)
    error = fields.String(required=True)


class ErrorsSchema(StrictSchema):
    success = fields.Constant(False, required=True)
    errors = fields.List(fields.String(), required=True)


def success(
    schema: type[Schema],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **parts: object,
) -> Response:
    """A success: its parts dumped by the schema."""
    return _answer(schema, status, {"success": True, **parts}, headers)


def failure(
    schema: type[Schema], status: int, headers: Mapping[str, str] | None = None, **parts: object
) -> Response:
    """A failure that has more to tell than its sentences."""
    return _answer(schema, status, {"success": False, **parts}, headers)


def render_error(fault: Fault) -> Response:
    """Any error: ``errors`` for a request that breaks rules, else ``error``."""
    if fault.status == 400:
        return failure(ErrorsSchema, 400, errors=fault.sentences)
    return failure(ErrorSchema, fault.status, error=fault.sentences[0])


def _answer(
    schema: type[Schema], status: int, body: object, headers: Mapping[str, str] | None
) -> Response:
    response = jsonify(_made(schema).dump(body))
    response.status_code = status
    response.headers.update(headers or {})
    return response


@cache
def _made(schema: type[Schema]) -> Schema:
    """The schema's one instance: making it takes longer than dumping with it."""
    return schema()


_REFUSALS = {
    400: ("The request breaks rules; each has its sentence", "Invalid GitHub URL"),
    401: ("The request is not local and shows no valid token", "The token is needed"),
    403: ("A page of another site sent the request", "A page of another site sent this request"),
    404: ("There is no such deployment", "Deployment not found"),
    409: ("The deployment is busy or not in a fitting state", "The deployment is busy"),
    413: ("The body is over the limit", "The body is larger than this platform takes"),
    415: ("The body is not sent as JSON", "The body must be sent as application/json"),
    421: ("The Host header names another machine", "This platform is not known by that name"),
    422: ("The Idempotency-Key came with another body before", "That key was used before"),
    500: ("The platform failed; its log has the reason", "The platform failed to answer"),
    503: ("Too many streams, or a needed part is away", "Too many streams are open"),
}


def document_error(status: int) -> Answer:
    """The documented answer for an error's status."""
    description, text = _REFUSALS[status]
    key = "errors" if status == 400 else "error"
    schema = ErrorsSchema if status == 400 else ErrorSchema
    example = {"success": False, key: [text] if status == 400 else text}
    return Answer(description, (schema,), example, headers=ERROR_HEADERS.get(status, {}))
