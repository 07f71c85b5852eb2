"""What a route says about itself: the one source of ``/openapi.json``.

The schemas named here are those that the route loads and dumps with, so that the document
cannot drift from what happens.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from marshmallow import Schema

if TYPE_CHECKING:
    from paas.engine.platform import Platform

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Answer:
    """One documented answer; ``headers`` maps the name of a header to its description.

    Several schemas mean that the body fits one of them. ``also`` has the other media types that
    the request may ask for, each with an example.
    """

    description: str
    schemas: tuple[type[Schema], ...] = ()
    example: object = None
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One documented operation.

    ``answers`` are what it is for; ``refusals`` the statuses of its errors, beside those that
    every operation may answer. Their shape is that of the dialect that claims the path.
    ``path`` has the JSON schemas of the path's parameters; ``body`` makes the schema that loads
    the body, which may depend on the platform.
    """

    tag: str
    summary: str
    answers: Mapping[int, Answer]
    refusals: tuple[int, ...] = ()
    description: str = ""
    path: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    query: type[Schema] | None = None
    headers: type[Schema] | None = None
    body: Callable[["Platform"], Schema] | None = None
    body_required: bool = True
    body_example: object = None


ERROR_HEADERS = {
    401: {"WWW-Authenticate": "The scheme, Bearer"},
    429: {
        "Retry-After": "Seconds after which to try again",
        "X-RateLimit-Limit": "How many requests are taken in a window of time",
        "X-RateLimit-Remaining": "How many of them are left",
        "X-RateLimit-Reset": "When the window ends, in seconds since 1970",
    },
    503: {"Retry-After": "Seconds after which to try again, where that is known"},
}

_OPERATIONS: WeakKeyDictionary[Callable[..., Any], Operation] = WeakKeyDictionary()


def documented(operation: Operation) -> Callable[[View], View]:
    """Mark a view with its operation."""

    def mark(view: View) -> View:
        _OPERATIONS[view] = operation
        return view

    return mark


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """The operation that a view was marked with."""
    return _OPERATIONS.get(view)
