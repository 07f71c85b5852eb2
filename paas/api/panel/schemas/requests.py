"""The bodies that the dialect takes, and every rule about them with its sentence."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from paas.api import rules
from paas.api.panel.schemas.camel import CamelCase
from paas.domain.permissions import Permission

EMAIL = "Invalid email. Must be an e-mail address"
PASSWORD = "Invalid password. Must be text of 1-1024 characters"  # noqa: S105
CURRENT = "Invalid currentPassword. Must be the password that holds now"
NEW = "Invalid newPassword. Must be text of 1-1024 characters"
CODE = "Invalid code. Must be the code of the authenticator app, or a recovery code"
REFRESH = "Invalid refreshToken. Must be the one of the last answer"
FIRST = "Invalid firstName. Must be at most 100 printable characters"
LAST = "Invalid lastName. Must be at most 100 printable characters"
LETTER = "Invalid token. Must be the one of the letter"
NAME = "Invalid name. Must be 1-100 printable characters"
SCOPES = f"Invalid scopes. Must be a list of: {', '.join(Permission)}"
DAYS = "Invalid expiresInDays. Must be a whole number, 1-3650"


def _text(sentence: str, most: int, **options: Any) -> fields.String:
    return fields.String(
        validate=validate.Length(1, most, error=sentence),
        error_messages=rules.one_sentence(sentence),
        **options,
    )


def _name(sentence: str, **options: Any) -> fields.String:
    """A name of a person, which may be empty."""
    return rules.text(sentence, r"^[^\x00-\x1f\x7f]{0,100}$", **options)


class PanelLoginBody(CamelCase):
    email = _text(EMAIL, 254, required=True)
    password = _text(PASSWORD, 1024, required=True)
    code = _text(CODE, 64, metadata={"description": "For an account that has a second factor"})


class PanelRefreshBody(CamelCase):
    refresh_token = _text(REFRESH, 2048, required=True)


class PanelResetBody(CamelCase):
    email = _text(EMAIL, 254, required=True)


class PanelNewPasswordBody(CamelCase):
    token = _text(LETTER, 255, required=True)
    new_password = _text(NEW, 1024, required=True)


class PanelLetterBody(CamelCase):
    token = _text(LETTER, 255, required=True)


class PanelAcceptBody(PanelLetterBody):
    """Names and password are for an address that has no account yet."""

    first_name = _name(FIRST, load_default="")
    last_name = _name(LAST, load_default="")
    password = _text(PASSWORD, 1024, load_default="")


class PanelProfileBody(CamelCase):
    """What is left out stays as it is."""

    first_name = _name(FIRST)
    last_name = _name(LAST)
    current_password = _text(CURRENT, 1024)
    new_password = _text(NEW, 1024)

    @validates_schema
    def _check_together(self, data: dict[str, Any], **_: Any) -> None:
        if "new_password" in data and "current_password" not in data:
            raise ValidationError({"currentPassword": [CURRENT]})


class PanelTokenBody(CamelCase):
    name = rules.printable(NAME, 100, required=True)
    scopes = fields.List(
        rules.choice(SCOPES, tuple(Permission)),
        required=True,
        validate=validate.Length(1, len(Permission), error=SCOPES),
        error_messages=rules.one_sentence(SCOPES),
    )
    expires_in_days = rules.whole_number(
        DAYS,
        1,
        3650,
        load_default=None,
        metadata={"description": "Without it the token counts until it is revoked"},
    )


class PanelCodeBody(CamelCase):
    code = _text(CODE, 64, required=True)


class PanelProofBody(CamelCase):
    password = _text(PASSWORD, 1024, required=True)
    code = _text(CODE, 64, required=True)
