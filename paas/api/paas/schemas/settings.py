"""The settings that administrators change while the platform runs."""

from typing import Any

from marshmallow import fields

from paas.api import rules
from paas.api.loading import StrictSchema
from paas.domain.live import NAMES, RULES, SECRETS, SET, UNSET

OBJECT = "Invalid settings. Must be an object with the settings to change"


def _schema(*, asked: bool) -> dict[str, Any]:
    """The settings as a JSON schema: as they may be asked for, or as they are shown."""
    properties = {name: dict(RULES[name].schema) for name in NAMES}
    for name in SECRETS:
        properties[name] = {"type": ["string", "null"]} if asked else {"enum": [SET, UNSET]}
    return {"type": "object", "properties": properties, "additionalProperties": False}


class SettingsBody(StrictSchema):
    """Settings to change; those that are not named stay. Services know the rules of each."""

    settings = fields.Dict(
        keys=fields.String(),
        required=True,
        error_messages=rules.one_sentence(OBJECT),
        metadata={"schema": _schema(asked=True)},
    )


class SettingsShown(StrictSchema):
    settings = fields.Dict(required=True, metadata={"schema": _schema(asked=False)})


class SettingsChanged(SettingsShown):
    message = fields.String(required=True)
