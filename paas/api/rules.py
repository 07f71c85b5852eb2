"""Fields that say one sentence whatever is wrong with them, and the expressions they use."""

import re
from collections.abc import Callable
from typing import Any

from marshmallow import ValidationError, fields, validate

from paas.domain import moments

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{1,48}[A-Za-z0-9]$"
GIT_REF = r"^[A-Za-z0-9_][A-Za-z0-9_.+@#/-]{0,199}$"
HEALTH_PATH = r'^/[!"$-\[\]-~]{0,199}$'
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"
OWNER = r"[A-Za-z0-9][A-Za-z0-9-]{0,38}"
REPOSITORY = r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,99}"
MOST_SEGMENTS = 6
GITHUB_URL = rf"^https://github\.com/{OWNER}/{REPOSITORY}/?$"


class Pattern(validate.Regexp):
    """The whole value must match; unlike its parent, a final newline does not."""

    def __init__(self, pattern: str, sentence: str) -> None:
        super().__init__(pattern, error=sentence)
        self.whole = re.compile(pattern)
        self.sentence = sentence

    def __call__(self, value: Any) -> Any:
        if not self.whole.fullmatch(value):
            raise ValidationError(self.sentence)
        return value


def one_sentence(sentence: str) -> dict[str, Any]:
    """Error messages of a field that say the same about a missing value, null, another type."""
    kinds = ("required", "null", "invalid", "type", "invalid_utf8", "too_large", "validator_failed")
    return dict.fromkeys(kinds, sentence)


def text(sentence: str, pattern: str, **options: Any) -> fields.String:
    """A string that matches the pattern as a whole."""
    return fields.String(
        validate=Pattern(pattern, sentence),
        error_messages=one_sentence(sentence),
        **options,
    )


def choice(sentence: str, choices: tuple[str, ...], **options: Any) -> fields.String:
    """One of a few words."""
    return fields.String(
        validate=validate.OneOf(choices, error=sentence),
        error_messages=one_sentence(sentence),
        **options,
    )


def whole_number(sentence: str, low: int, high: int, **options: Any) -> fields.Integer:
    """A JSON number without a fraction: ``2.0``, ``"2"`` and ``true`` are none."""
    return fields.Integer(
        strict=True,
        validate=validate.Range(low, high, error=sentence),
        error_messages=one_sentence(sentence),
        **options,
    )


class Truth(fields.Boolean):
    """true or false of JSON: neither words nor numbers that mean it."""

    def __init__(self, sentence: str, **options: Any) -> None:
        super().__init__(error_messages=one_sentence(sentence), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        found = super()._deserialize(value, attr, data, **options)
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return found


class WrittenNumber(fields.Integer):
    """A whole number as a query or a header writes it: decimal digits and nothing else."""

    def __init__(self, sentence: str, low: int, high: int, **options: Any) -> None:
        super().__init__(
            validate=validate.Range(low, high, error=sentence),
            error_messages=one_sentence(sentence),
            **options,
        )

    def _validated(self, value: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,18}", value):
            raise self.make_error("invalid", input=value)
        return int(value)


class Time(fields.String):
    """A time in ISO 8601, loaded as text in UTC that sorts (see ``moments.canonical``)."""

    def __init__(self, sentence: str, **options: Any) -> None:
        metadata = {
            "pattern": f"^{moments.TIME}$",
            "example": "2025-11-25T10:05:33Z",
            **options.pop("metadata", {}),
        }
        super().__init__(error_messages=one_sentence(sentence), metadata=metadata, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if not re.fullmatch(moments.TIME, text):
            raise self.make_error("invalid")
        try:
            return moments.canonical(text)
        except ValueError:
            raise self.make_error("invalid") from None


class Printable(validate.Validator):
    """Text of visible characters and spaces, at most ``most`` long.

    Controls, newlines, marks that reorder text and unassigned characters are not printable.
    """

    def __init__(self, most: int, sentence: str) -> None:
        self.most = most
        self.sentence = sentence

    def __call__(self, value: str) -> str:
        if not 1 <= len(value) <= self.most or not value.isprintable() or not value.strip():
            raise ValidationError(self.sentence)
        return value


def printable(sentence: str, most: int, **options: Any) -> fields.String:
    """A string for people or a shell, on one line."""
    metadata = {"minLength": 1, "maxLength": most, **options.pop("metadata", {})}
    return fields.String(
        validate=Printable(most, sentence),
        error_messages=one_sentence(sentence),
        metadata=metadata,
        **options,
    )


def is_git_ref(value: str) -> bool:
    """Whether git takes it as the name of a branch or tag, or as a commit.

    The expression leaves out what git and a command line give a meaning: a leading dash, ``..``,
    ``@{``, ``~``, ``^``, ``:`` and wildcards.
    """
    parts = value.split("/")
    return bool(re.fullmatch(GIT_REF, value)) and not (
        ".." in value
        or value.endswith(".")
        or any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
    )


def _git_ref_or_error(sentence: str) -> Callable[[str], None]:
    def check(value: str) -> None:
        if not is_git_ref(value):
            raise ValidationError(sentence)

    return check


def git_ref(sentence: str, description: str) -> fields.String:
    """A branch, tag or commit."""
    return fields.String(
        validate=_git_ref_or_error(sentence),
        error_messages=one_sentence(sentence),
        metadata={"pattern": GIT_REF, "description": description},
    )


def repository_url(value: str, hosts: tuple[str, ...] = ()) -> str | None:
    """The repository's URL in its one form, without ``.git`` or a final slash; None if it is
    none. Only ``github.com`` and the given hosts have repositories; those of the others may lie
    in groups (``/group/subgroup/name``)."""
    if re.fullmatch(GITHUB_URL, value):
        host, most = "github.com", 2
    else:
        match = re.fullmatch(r"https://([^/]+)/.{1,1000}", value)
        if match is None or match[1].lower() not in {name.lower() for name in hosts}:
            return None
        host, most = match[1].lower(), MOST_SEGMENTS
    path = value.split("/", 3)[3].removesuffix("/").removesuffix(".git")
    segments = path.split("/")
    if not 2 <= len(segments) <= most or not all(_is_segment(one) for one in segments):
        return None
    return f"https://{host}/{path}"


def _is_segment(text: str) -> bool:
    """Whether it can be part of a repository's path: no dots alone, and no ``.git`` after all."""
    return bool(
        re.fullmatch(REPOSITORY, text) and text.strip(".") and not text.lower().endswith(".git")
    )
