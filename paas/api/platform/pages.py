"""Turns the OpenAPI document into what the reference page shows."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape


@dataclass(frozen=True)
class Field:
    """A parameter or a member of a body; ``place`` is path, query, header or body."""

    name: str
    place: str
    kind: str
    required: bool
    rules: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Reply:
    """One answer; ``bodies`` has an example, or nothing, for each media type."""

    status: str
    text: str
    bodies: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def good(self) -> bool:
        """Whether this is no error."""
        return self.status.startswith("2")


@dataclass(frozen=True)
class Entry:
    anchor: str
    method: str
    path: str
    summary: str
    text: str
    fields: tuple[Field, ...]
    example: str
    replies: tuple[Reply, ...]


@dataclass(frozen=True)
class ReferencePage:
    title: str
    version: str
    text: str
    groups: Mapping[str, tuple[Entry, ...]]


def page(document: Mapping[str, Any]) -> ReferencePage:
    """The page for a document."""
    groups: dict[str, list[Entry]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            entry = _entry(document, path, method, operation)
            groups.setdefault(operation["tags"][0], []).append(entry)
    info = document["info"]
    return ReferencePage(
        info["title"],
        info["version"],
        info["description"],
        {tag: tuple(entries) for tag, entries in sorted(groups.items())},
    )


def with_code(text: str) -> Markup:
    """Plain text as HTML, with what stands between backticks as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    )


def _entry(
    document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]
) -> Entry:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    fields = [_parameter(given) for given in operation.get("parameters", ())]
    fields += _members(document, body.get("schema", {}))
    return Entry(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        text=operation.get("description", ""),
        fields=tuple(fields),
        example=_pretty(body.get("example")),
        replies=tuple(_reply(*item) for item in operation["responses"].items()),
    )


def _reply(status: str, response: Mapping[str, Any]) -> Reply:
    bodies = {media: _pretty(body.get("example")) for media, body in response["content"].items()}
    headers = {name: h["description"] for name, h in response.get("headers", {}).items()}
    return Reply(status, response["description"], bodies, headers)


def _parameter(given: Mapping[str, Any]) -> Field:
    schema = given["schema"]
    text = given.get("description") or schema.get("description", "")
    return Field(
        given["name"],
        given["in"],
        _kind(schema),
        given.get("required", False),
        tuple(_rules(schema)),
        text,
    )


def _members(
    document: Mapping[str, Any], schema: Mapping[str, Any], prefix: str = ""
) -> Iterator[Field]:
    """The members of a body, those of the objects in it after them as ``outer.inner``."""
    schema = _resolved(document, schema)
    for name, member in schema.get("properties", {}).items():
        found = _resolved(document, member)
        required = name in schema.get("required", ())
        yield Field(
            prefix + name,
            "body",
            _kind(found),
            required,
            tuple(_rules(found)),
            found.get("description", ""),
        )
        yield from _members(document, found, f"{prefix}{name}.")


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rsplit("/", 1)[-1]
    found: Mapping[str, Any] = document["components"]["schemas"][name]
    return found


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _rules(schema: Mapping[str, Any]) -> Iterator[str]:
    if "enum" in schema:
        yield "one of " + ", ".join(str(value) for value in schema["enum"])
    if "minimum" in schema or "maximum" in schema:
        yield f"{schema.get('minimum', '')} to {schema.get('maximum', '')}"
    if "maxLength" in schema:
        yield f"at most {schema['maxLength']} characters"
    if "maxProperties" in schema:
        yield f"at most {schema['maxProperties']} entries"
    if "pattern" in schema:
        yield str(schema["pattern"])
    if schema.get("default") not in (None, ""):
        yield f"default {schema['default']}"


def _pretty(example: object) -> str:
    if example is None or isinstance(example, str):
        return example or ""
    return json.dumps(example, indent=2, ensure_ascii=False)
