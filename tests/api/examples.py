"""Whether an answer is the one that a document shows.

The keys are the documented ones, all of them, in the documented order, and each value is of the
documented type. A text that an example shows comes back as it stands, unless it stands for
something else: an id, a time, or a value that ``free`` names.
"""

import re
from collections.abc import Collection
from typing import Any

from paas.api.paths import UUID

TIMES = (
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
)


def assert_shown(given: Any, shown: Any, free: Collection[str] = (), place: str = "") -> None:
    """The answer is the one that is shown; ``free`` are keys whose texts may be others."""
    assert kind(given) == kind(shown), f"{place}: {given!r} is of another kind than {shown!r}"
    match shown:
        case dict():
            assert list(given) == list(shown), place
            for key, value in shown.items():
                assert_shown(given[key], value, free, f"{place}.{key}".lstrip("."))
        case list():
            assert len(given) == len(shown), place
            for number, value in enumerate(shown):
                assert_shown(given[number], value, free, f"{place}[{number}]")
        case str():
            if place.rpartition(".")[2] not in free:
                assert re.fullmatch(_form(shown), given), f"{place}: {given!r} is not {shown!r}"
        case bool():
            assert given is shown, place


def kind(value: Any) -> str:
    """What JSON calls a value's type."""
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
    return type(value).__name__


def _form(shown: str) -> str:
    """What a text looks like that stands where this one is shown."""
    if shown == "uuid":
        return UUID
    for form in TIMES:
        if re.fullmatch(form, shown):
            return form
    return re.escape(shown)
