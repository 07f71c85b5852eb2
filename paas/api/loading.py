"""Reads what a request says, strictly: through a schema, or not at all.

Every broken rule comes out at once, as ``Invalid`` with one sentence each; a body that cannot
be read as one JSON object is ``Malformed``.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Never

from flask import request
from marshmallow import RAISE, Schema, ValidationError

from paas.api import bodies
from paas.domain.errors import Invalid, Malformed, WrongMediaType

UNKNOWN = "\x00unknown"
"""The message of a schema for a field that it does not have; ``sentences`` names the field."""


class StrictSchema(Schema):
    """A schema that refuses fields it does not have.

    ``together`` are JSON schemas, for the documentation, that a valid object fits besides: the
    rules that look at several fields.
    """

    together: ClassVar[tuple[Mapping[str, Any], ...]] = ()

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": UNKNOWN}


def load_body(schema: Schema, *, required: bool = True) -> Any:
    """The request's JSON body through the schema; no body is an empty object if it may be."""
    data = bodies.read()
    if not data and not required:
        return check(schema, {})
    if not request.is_json:
        raise WrongMediaType(
            "The body must be sent as application/json; set the Content-Type header"
        )
    return check(schema, read_object(data))


def load_query(schema: Schema) -> Any:
    """The query string through the schema; a parameter may come once."""
    twice = [name for name, values in request.args.lists() if len(values) > 1]
    if twice:
        raise Invalid([f"The query parameter {shown(name)} was given twice" for name in twice])
    return check(schema, request.args.to_dict(), what="query parameter")


def load_headers(schema: Schema) -> Any:
    """The headers that the schema names, by their ``data_key``; others are left alone."""
    names = {field.data_key or name for name, field in schema.fields.items()}
    given = {name: request.headers[name] for name in names if name in request.headers}
    return check(schema, given, what="header")


def check(schema: Schema, data: Mapping[str, Any], *, what: str = "field") -> Any:
    """The data through the schema; raises ``Invalid`` with a sentence for each broken rule."""
    try:
        return schema.load(data)
    except ValidationError as error:
        found = dict.fromkeys(sentences(_in_order(error.messages, schema), what))
        raise Invalid(list(found)) from None


def _in_order(messages: Any, schema: Schema) -> Any:
    """The messages in the order of the schema's fields, others after them."""
    if not isinstance(messages, dict):
        return messages
    first = [name for name in schema.fields if name in messages]
    return {name: messages[name] for name in dict.fromkeys([*first, *messages])}


def sentences(messages: Any, what: str, path: str = "") -> Iterator[str]:
    """The sentences in what marshmallow says, in its order."""
    if isinstance(messages, dict):
        for name, below in messages.items():
            plain = path if name == "_schema" else f"{path}.{name}".lstrip(".")
            yield from sentences(below, what, plain)
    elif isinstance(messages, list):
        for message in messages:
            yield from sentences(message, what, path)
    elif messages == UNKNOWN:
        yield f"Unknown {what} {shown(path)}"
    else:
        yield str(messages)


def read_object(data: bytes) -> dict[str, Any]:
    """The one JSON object in ``data``: UTF-8, no key twice, no NaN, no half characters."""
    try:
        found = json.loads(
            data.decode("utf-8"), object_pairs_hook=_no_key_twice, parse_constant=_no_constant
        )
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise Malformed(
            f"The body is not JSON: {error.msg}, line {error.lineno} column {error.colno}"
        ) from None
    except UnicodeDecodeError:
        raise Malformed("The body is not text in UTF-8") from None
    except UnicodeEncodeError:
        raise Malformed("The body has half of a surrogate pair, which is no character") from None
    except RecursionError:
        raise Malformed("The body is nested too deeply") from None
    except ValueError:
        raise Malformed("The body has a number with too many digits") from None
    if not isinstance(found, dict):
        raise Malformed("The body must be a JSON object")
    return found


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Malformed(f"The body has the key {shown(key)} twice")
        found[key] = value
    return found


def _no_constant(name: str) -> Never:
    raise Malformed(f"The body is not JSON: {name} is no JSON number")


def shown(text: str) -> str:
    """Text of a user inside a sentence: quoted, escaped and cut."""
    return ascii(text if len(text) <= 60 else f"{text[:57]}...")
