"""Environment variables as requests bring them: one set of rules for every API."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields

from paas.api import rules
from paas.api.loading import shown

MOST = 100
# Keys and certificates have newlines; no other control has a place in a value.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_RESERVED = "^([Pp][Aa][Aa][Ss]_.*|PORT|HOST)$"


@dataclass(frozen=True)
class Rules:
    """``field`` is what the document calls them; a value has at most ``longest`` characters."""

    field: str
    longest: int

    @property
    def shape(self) -> str:
        """What is said of a value that is no mapping, or too large a one."""
        return f"Invalid {self.field}. Must be an object of at most {MOST} variables"

    def check(self, given: Mapping[str, object]) -> None:
        """Raise ``ValidationError`` with a sentence for each variable that breaks a rule."""
        if len(given) > MOST:
            raise ValidationError(self.shape)
        errors = [broken for name, value in given.items() for broken in self._of(name, value)]
        if errors:
            raise ValidationError(errors)

    def _of(self, name: str, value: object) -> list[str]:
        errors = []
        if not re.fullmatch(rules.VARIABLE, name):
            errors.append(
                f"Invalid {self.field}. {shown(name)} must be letters, digits and underscores, "
                "not beginning with a digit, at most 100 characters"
            )
        elif re.fullmatch(_RESERVED, name):
            errors.append(
                f"Invalid {self.field}. {name} is set by the platform; choose another name"
            )
        if not isinstance(value, str) or len(value) > self.longest or _CONTROL.search(value):
            errors.append(
                f"Invalid {self.field}. The value of {shown(name)} must be text of at most "
                f"{self.longest} characters without control characters"
            )
        return errors


def field(field_rules: Rules, description: str, **options: Any) -> fields.Dict:
    """The field that holds the variables, with its rules for people and for machines."""
    return fields.Dict(
        validate=field_rules.check,
        error_messages=rules.one_sentence(field_rules.shape),
        metadata={
            "description": description,
            "schema": {
                "maxProperties": MOST,
                "propertyNames": {"pattern": rules.VARIABLE, "not": {"pattern": _RESERVED}},
                "additionalProperties": {"type": "string", "maxLength": field_rules.longest},
            },
        },
        **options,
    )
