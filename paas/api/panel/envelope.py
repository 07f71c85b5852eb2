"""The shapes of document 004, in plain JSON or in the version that the request accepts.

{"success": true, "data": {...}}
{"success": false, "error": {"code": "NOT_FOUND", "message": "...", "details": {...}}}
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, request
from marshmallow import Schema, fields

from paas.api.dialect import Fault
from paas.api.envelopes import dumped
from paas.api.loading import StrictSchema
from paas.api.operations import ERROR_HEADERS, Answer
from paas.domain.errors import NotAcceptable, SecondFactorNeeded

JSON = "application/json"
VERSIONED = "application/vnd.skypanel.v1+json"
VENDOR = re.compile(r"application/vnd\.skypanel([.+].*)?", re.IGNORECASE)

_CODES = {
    400: "VALIDATION_ERROR",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "RATE_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "SERVICE_UNAVAILABLE",
}
_REFUSALS = {
    400: ("The request breaks rules; `details.errors` has each", "Invalid email"),
    401: ("The request shows no valid token, or the sign-in failed", "The token is needed"),
    403: ("The actor may not do this", "This needs the permission account"),
    404: ("There is no such thing", "Token not found"),
    406: ("The request accepts only another version", "There is no version 2 of this API"),
    409: ("The account is not in a fitting state", "The second factor is on already"),
    413: ("The body is over the limit", "The body is larger than this platform takes"),
    415: ("The body is not sent as JSON", "The body must be sent as application/json"),
    421: ("The Host header names another machine", "This platform is not known by that name"),
    429: ("Too many requests", "Too many requests: 10 per minute are taken here"),
    500: ("The platform failed; its log has the reason", "The platform failed to answer"),
}


class PanelError(StrictSchema):
    """``details`` is there where there is more to tell."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    details = fields.Dict(keys=fields.String())


class PanelFailure(StrictSchema):
    success = fields.Constant(False, required=True)
    error = fields.Nested(PanelError, required=True)


def success(schema: type[Schema], data: object, status: int = 200) -> Response:
    """A success: its data dumped by the schema."""
    return _in_version(dumped(schema, status, {"success": True, "data": data}))


def render_error(fault: Fault) -> Response:
    """Any error."""
    error: dict[str, object] = {
        "code": _code(fault.status),
        "message": "; ".join(fault.sentences),
    }
    details = _details(fault)
    if details:
        error["details"] = details
    return _in_version(dumped(PanelFailure, fault.status, {"success": False, "error": error}))


def document_error(status: int) -> Answer:
    """The documented answer for an error's status."""
    description, sentence = _REFUSALS[status]
    example = {"success": False, "error": {"code": _code(status), "message": sentence}}
    return Answer(description, (PanelFailure,), example, headers=ERROR_HEADERS.get(status, {}))


def expect_version() -> None:
    """Raise ``NotAcceptable`` when the request accepts this API in no version that there is."""
    accepted = [kind for kind, quality in request.accept_mimetypes if quality > 0]
    others = [kind for kind in accepted if VENDOR.fullmatch(kind) and kind.lower() != VERSIONED]
    if others and len(others) == len(accepted):
        raise NotAcceptable(
            f"There is no {others[0][:100]!a} of this API; accept {VERSIONED} or {JSON}"
        )


def _in_version(response: Response) -> Response:
    """The answer, named as the version that was asked for before plain JSON."""
    if request.accept_mimetypes.best_match([JSON, VERSIONED], JSON) == VERSIONED:
        response.content_type = VERSIONED
    response.vary.add("Accept")
    return response


def _code(status: int) -> str:
    return _CODES.get(status) or HTTPStatus(status).name


def _details(fault: Fault) -> Mapping[str, Any]:
    """What there is to tell beside the message."""
    if isinstance(fault.error, SecondFactorNeeded):
        return {"secondFactor": "required", "field": "code"}
    if fault.status == 400:
        return {"errors": list(fault.sentences)}
    if fault.status == 404 and request.view_args:
        name, value = next(iter(request.view_args.items()))
        return {"resource": name.removesuffix("_id").replace("_", "-"), "id": value}
    return {}
