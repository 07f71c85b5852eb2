"""The app's own output as a stream that is taken up again without a line lost or shown twice.

The id of an event says where its reader is in what each replica wrote: whoever comes back with
it gets what follows. For clients it is opaque.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from marshmallow import fields

from paas.api import rules, streams
from paas.domain import moments
from paas.domain.errors import PaasError
from paas.domain.output import Line, Place, Places

_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,6})?"
_PLACE = rf"[0-9a-f]{{8}}@(?:{_MOMENT})?/[0-9]{{1,9}}"
MARK = rf"^{_PLACE}(?:,{_PLACE}){{0,199}}$"
EXAMPLE = "7f3a9c21@2025-11-25T10:05:33.12/1"
SENTENCE = "Invalid {}. Must be the id of a line"

Write = Callable[[str, Line], str]


def mark(places: Places) -> str:
    """The id of the line after which a reader is there."""
    return ",".join(f"{key}@{place.moment}/{place.count}" for key, place in places.items())


def places(text: str) -> Places:
    """Read what ``mark`` wrote; raises ``ValueError`` for anything else."""
    if not re.fullmatch(MARK, text):
        raise ValueError("not the id of a line")
    found = {}
    for part in text.split(","):
        key, _, rest = part.partition("@")
        moment, _, count = rest.partition("/")
        if moment:
            moments.canonical(moment)
        found[key] = Place(moment, int(count))
    return found


def last(lines: Iterable[Line]) -> str:
    """The id after these lines, or nothing when there are none."""
    *_, end = (None, *lines)
    return mark(end.places) if end else ""


class LineId(fields.String):
    """The id of a line, loaded as the places that it says; ``name`` is what carries it."""

    def __init__(self, name: str, **options: Any) -> None:
        metadata = {"pattern": MARK, "example": EXAMPLE, **options.pop("metadata", {})}
        super().__init__(
            error_messages=rules.one_sentence(SENTENCE.format(name)), metadata=metadata, **options
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        try:
            return places(super()._deserialize(value, attr, data, **options))
        except ValueError:
            raise self.make_error("invalid") from None


def events(
    lines: Iterator[Line | None], write: Write, words: Callable[[str], str] = str
) -> Iterator[str]:
    """Written events; ``write`` makes one of an id and its line, and ``words`` puts what ended
    the stream into those of the dialect."""
    try:
        for line in lines:
            yield streams.KEEPALIVE if line is None else write(mark(line.places), line)
    except PaasError as error:
        # The answer has begun, so this cannot be its status any more.
        yield streams.told("away", {"error": words(error.message)})
