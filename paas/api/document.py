"""Makes the OpenAPI document out of the routes of an application.

Every route that was marked with an operation is in it; its schemas are those that the route
loads and dumps with, its errors those of the dialect that claims its path.
"""

import re
from typing import TYPE_CHECKING, Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from marshmallow import Schema
from marshmallow.fields import Constant, Field
from werkzeug.routing import Rule

from paas.api.context import dialects
from paas.api.dialect import owner_of
from paas.api.loading import StrictSchema
from paas.api.operations import Answer, Operation, operation_of
from paas.doors import is_without_token

if TYPE_CHECKING:
    from paas.engine.platform import Platform

ALWAYS = (401, 421, 500)
JSON = "application/json"
WHEN_UNSAFE = (403, 413, 415)
INTRODUCTION = """\
Every request shows a token: `Authorization: Bearer ...`. It is the access token of a sign-in
(`POST /api/auth/login`), a named token of a user, or the platform's own. The operations that say so
need none from this very machine, while there is one tenant."""


def build(app: Flask, platform: "Platform", version: str) -> dict[str, Any]:
    """The document of an application, as JSON-ready data."""
    plugin = MarshmallowPlugin(schema_name_resolver=_component_name)
    spec = APISpec(
        title="PaaS Platform",
        version=version,
        openapi_version="3.1.0",
        plugins=[plugin],
        info={"description": INTRODUCTION},
        servers=[{"url": "/"}],
        security=[{}, {"token": []}],
    )
    plugin.converter.add_attribute_function(_further_rules)  # type: ignore[union-attr]
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        operation = operation_of(app.view_functions[rule.endpoint])
        if operation is not None:
            _add(spec, app, rule, operation, platform)
    return _with_rules_together(spec.to_dict(), app, platform)


def _with_rules_together(document: dict[str, Any], app: Flask, core: "Platform") -> dict[str, Any]:
    """The rules that look at several fields, which a field by itself cannot carry."""
    schemas = document["components"]["schemas"]
    for view in app.view_functions.values():
        operation = operation_of(view)
        schema = operation.body(core) if operation and operation.body else None
        if isinstance(schema, StrictSchema) and schema.together:
            schemas[_component_name(schema)]["allOf"] = list(schema.together)
    return document


def _add(spec: APISpec, app: Flask, rule: Rule, operation: Operation, core: "Platform") -> None:
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
    methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    described = {
        method.lower(): _described(app, rule, operation, method, core) for method in methods
    }
    spec.path(path=path, operations=described)


def _described(
    app: Flask, rule: Rule, operation: Operation, method: str, core: "Platform"
) -> dict[str, Any]:
    with app.app_context():
        answers = _answers(rule.rule, operation, unsafe=method != "GET")
    described: dict[str, Any] = {
        "operationId": rule.endpoint.replace(".", "_"),
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": {str(status): _response(answers[status]) for status in sorted(answers)},
    }
    security = _security(app, rule)
    if security is not None:
        described["security"] = security
    if operation.description:
        described["description"] = operation.description
    parameters = _parameters(operation)
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = _body(operation, operation.body(core))
    return described


def _security(app: Flask, rule: Rule) -> list[dict[str, list[str]]] | None:
    """Who may ask, where that is not what the whole document says."""
    if is_without_token(app.view_functions[rule.endpoint]):
        return [{}]
    with app.app_context():
        owner = owner_of(rule.rule, dialects())
    return [{"token": []}] if owner is not None and not owner.open_door else None


def _answers(path: str, operation: Operation, *, unsafe: bool) -> dict[int, Answer]:
    owner = owner_of(path, dialects())
    if owner is None:
        return dict(operation.answers)
    unsafe_ones = WHEN_UNSAFE if unsafe else ()
    statuses = {*operation.refusals, *ALWAYS, *owner.always, *unsafe_ones}
    errors = {status: owner.document_error(status) for status in statuses}
    return {**errors, **operation.answers}


def _response(answer: Answer) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if len(answer.schemas) == 1:
        content["schema"] = answer.schemas[0]
    elif answer.schemas:
        content["schema"] = {"anyOf": list(answer.schemas)}
    else:
        content["schema"] = {"type": "object" if answer.media == JSON else "string"}
    if answer.example is not None:
        content["example"] = answer.example
    others = {
        media: {"schema": {"type": "string"}, "example": example}
        for media, example in answer.also.items()
    }
    response: dict[str, Any] = {
        "description": answer.description,
        "content": {answer.media: content, **others},
    }
    if answer.headers:
        response["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in answer.headers.items()
        }
    return response


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    for name, schema in operation.path.items():
        kept = {key: value for key, value in schema.items() if key not in ("description",)}
        parameters.append(
            {
                "in": "path",
                "name": name,
                "required": True,
                "description": schema.get("description", ""),
                "schema": kept,
            }
        )
    if operation.query is not None:
        parameters.append({"in": "query", "schema": operation.query})
    if operation.headers is not None:
        parameters.append({"in": "header", "schema": operation.headers})
    return parameters


def _body(operation: Operation, schema: Schema) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schema}
    if operation.body_example is not None:
        content["example"] = operation.body_example
    return {"required": operation.body_required, "content": {JSON: content}}


def _further_rules(_converter: object, field: Field[Any], **_: object) -> dict[str, Any]:
    """What marshmallow has no word for: a field's own ``schema``, and constants."""
    if isinstance(field, Constant):
        return {"type": "boolean", "const": field.constant}
    own: dict[str, Any] = field.metadata.get("schema", {})
    return own


def _component_name(schema: type[Schema] | Schema) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.__name__
