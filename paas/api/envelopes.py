"""The envelope that several APIs have in common: ``success``, then parts, or what went wrong.

{"success": true, ...}
{"success": false, "errors": ["...", "..."]}     a request that breaks rules (400)
{"success": false, "error": "..."}               everything else
"""

from collections.abc import Mapping
from functools import cache

from flask import Response, jsonify
from marshmallow import Schema, fields

from paas.api.dialect import Fault
from paas.api.loading import StrictSchema
from paas.api.operations import ERROR_HEADERS, Answer


class Success(StrictSchema):
    success = fields.Constant(True, required=True)


class Message(Success):
    message = fields.String(required=True)


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
    return dumped(schema, status, {"success": True, **parts}, headers)


def failure(
    schema: type[Schema], status: int, headers: Mapping[str, str] | None = None, **parts: object
) -> Response:
    """A failure that has more to tell than its sentences."""
    return dumped(schema, status, {"success": False, **parts}, headers)


def render_error(fault: Fault) -> Response:
    """Any error: ``errors`` for a request that breaks rules, else ``error``."""
    if fault.status == 400:
        return failure(ErrorsSchema, 400, errors=fault.sentences)
    return failure(ErrorSchema, fault.status, error=fault.sentences[0])


def describe_error(status: int, description: str, sentence: str) -> Answer:
    """The documented answer for an error's status, with a sentence as its example."""
    key = "errors" if status == 400 else "error"
    schema = ErrorsSchema if status == 400 else ErrorSchema
    example = {"success": False, key: [sentence] if status == 400 else sentence}
    return Answer(description, (schema,), example, headers=ERROR_HEADERS.get(status, {}))


def dumped(
    schema: type[Schema], status: int, body: object, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer in JSON: a body dumped by its schema, in the order of its fields."""
    response = jsonify(_made(schema).dump(body))
    response.status_code = status
    response.headers.update(headers or {})
    return response


@cache
def _made(schema: type[Schema]) -> Schema:
    """The schema's one instance: making it takes longer than dumping with it."""
    return schema()
