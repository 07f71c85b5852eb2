"""Forms as people fill them: what was typed, and what is wrong with it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flask import flash, request

from paas.domain.errors import Conflict, Invalid, TooMany, Unavailable

_SUBJECT = re.compile(r"Invalid ([a-z0-9_]+)")
LONGEST = 100_000
LONGEST_PASSWORD = 1024


@dataclass(frozen=True)
class Typed:
    """Values as the person typed them, and the sentences that say what is wrong with them."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Sequence[str] = ()

    def get(self, name: str, default: str = "") -> str:
        """What stands in a field."""
        return self.values.get(name, default)

    def error(self, name: str) -> str:
        """The sentences about one field; empty when it is right."""
        return " ".join(one for one in self.errors if _subject(one) == name)

    def others(self, names: Iterable[str]) -> list[str]:
        """The sentences that are about none of these fields."""
        known = set(names)
        return [one for one in self.errors if _subject(one) not in known]

    def refused(self, errors: Sequence[str]) -> "Typed":
        """The same form with what is wrong."""
        return Typed(self.values, tuple(errors))


def _subject(sentence: str) -> str:
    match = _SUBJECT.match(sentence)
    return match[1] if match else ""


def read(names: Iterable[str]) -> Typed:
    """These fields of the request's form, without the blanks around them."""
    return Typed({name: request.form.get(name, "").strip()[:LONGEST] for name in names})


def refusals(error: Invalid | Conflict | Unavailable | TooMany) -> list[str]:
    """The sentences of a refusal, for the form that was refused."""
    return error.errors if isinstance(error, Invalid) else [error.message]


def attempt(act: Callable[[], object], said: str) -> bool:
    """Do it and say so in the flash line, or say there why it was refused."""
    try:
        act()
    except (Conflict, Invalid, Unavailable, TooMany) as refused:
        flash(refused.message, "error")
        return False
    flash(said)
    return True


def number(text: str) -> int | float | str:
    """A number as JSON has it, or the text itself for the rules to refuse in their own words."""
    if re.fullmatch(r"[0-9]{1,15}", text):
        return int(text)
    return float(text) if re.fullmatch(r"[0-9]{1,15}\.[0-9]{1,9}", text) else text


def day(name: str) -> datetime | None:
    """The day in a field of the query, at its beginning in UTC; None for what is no day."""
    try:
        found = datetime.strptime(request.args.get(name, ""), "%Y-%m-%d")
    except ValueError:
        return None
    return found.replace(tzinfo=UTC)
