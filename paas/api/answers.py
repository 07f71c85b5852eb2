"""Fields of answers that several APIs have in common."""

from typing import Any

from marshmallow import fields

from paas.domain import moments

TIME = "%Y-%m-%dT%H:%M:%SZ"
TIME_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"


class Moment(fields.DateTime):
    """A time in UTC to the second, as the documents write it: 2025-11-25T10:00:00Z."""

    def __init__(self, **options: Any) -> None:
        kind = ["string", "null"] if options.get("allow_none") else "string"
        schema = {"type": kind, "format": "date-time", "pattern": TIME_PATTERN}
        super().__init__(format=TIME, metadata={"schema": schema}, **options)


class LineMoment(fields.String):
    """The time of a line, which the guest wrote."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        return moments.shown(super()._serialize(value, attr, obj, **options) or "")


class Amount(fields.Float):
    """A number as the documents write it: a whole one without a fraction, 1 and not 1.0."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        found = super()._serialize(value, attr, obj, **options)
        return int(found) if isinstance(found, float) and found.is_integer() else found
