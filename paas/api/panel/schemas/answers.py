"""What the dialect answers: each schema is documented and dumped with."""

from datetime import UTC, datetime
from typing import Any

from marshmallow import fields

from paas.api.envelopes import Success
from paas.api.panel.schemas.camel import CamelCase

TIME_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"


class PreciseMoment(fields.Field[datetime]):
    """A time in UTC with milliseconds, as the document writes it: 2023-01-01T00:00:00.000Z."""

    def __init__(self, **options: Any) -> None:
        kind = ["string", "null"] if options.get("allow_none") else "string"
        schema = {"type": kind, "format": "date-time", "pattern": TIME_PATTERN}
        super().__init__(metadata={"schema": schema}, **options)

    def _serialize(self, value: datetime | None, *_: Any, **__: Any) -> str | None:
        if value is None:
            return None
        return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


class PanelMessage(CamelCase):
    message = fields.String(required=True)


class PanelSaid(Success):
    data = fields.Nested(PanelMessage, required=True)


class PanelUser(CamelCase):
    """A user as a sign-in tells of him."""

    id = fields.Integer(required=True, attribute="number")
    email = fields.String(required=True)
    role = fields.String(required=True, metadata={"enum": ["user", "admin"]})


class PanelSession(CamelCase):
    """``token`` counts for ``expiresIn`` seconds; ``refreshToken`` gets the next one, once."""

    token = fields.String(required=True)
    user = fields.Nested(PanelUser, required=True)
    refresh_token = fields.String(required=True)
    expires_in = fields.Integer(required=True)


class PanelSignedIn(Success):
    data = fields.Nested(PanelSession, required=True)


class PanelProfile(CamelCase):
    id = fields.Integer(required=True, attribute="number")
    email = fields.String(required=True)
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    role = fields.String(required=True, metadata={"enum": ["user", "admin"]})
    created_at = PreciseMoment(required=True)


class PanelMe(Success):
    data = fields.Nested(PanelProfile, required=True)


class PanelInvitation(CamelCase):
    """``tenant`` is its name; ``hasAccount`` is whether the address has an account already."""

    email = fields.String(required=True)
    tenant = fields.String(required=True)
    standing = fields.String(required=True, metadata={"enum": ["owner", "member"]})
    invited_by = fields.String(required=True)
    has_account = fields.Boolean(required=True, attribute="is_known")
    expires_at = PreciseMoment(required=True)


class PanelInvited(Success):
    data = fields.Nested(PanelInvitation, required=True)


class PanelSignIn(CamelCase):
    """Where the user is signed in; ``current`` is the sign-in that asks."""

    id = fields.UUID(required=True)
    ip_address = fields.String(required=True, attribute="source")
    user_agent = fields.String(required=True, attribute="agent")
    created_at = PreciseMoment(required=True)
    expires_at = PreciseMoment(required=True)
    current = fields.Boolean(required=True, attribute="is_this")


class PanelSignIns(Success):
    data = fields.List(fields.Nested(PanelSignIn), required=True)


class PanelToken(CamelCase):
    """A named token; ``prefix`` are its first characters."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    prefix = fields.String(required=True, attribute="begins")
    scopes = fields.List(fields.String(), required=True)
    tenant = fields.String(required=True)
    created_at = PreciseMoment(required=True)
    expires_at = PreciseMoment(required=True, allow_none=True)
    last_used_at = PreciseMoment(required=True, allow_none=True)


class PanelNewToken(PanelToken):
    """A token in the one answer that has its text."""

    token = fields.String(required=True)


class PanelTokens(Success):
    data = fields.List(fields.Nested(PanelToken), required=True)


class PanelTokenMade(Success):
    data = fields.Nested(PanelNewToken, required=True)


class PanelEnrolment(CamelCase):
    """What an authenticator app takes: the secret as text, as a link, as a picture (SVG)."""

    secret = fields.String(required=True)
    otpauth_url = fields.String(required=True, attribute="uri")
    qr_code = fields.String(required=True, attribute="picture")


class PanelEnrolled(Success):
    data = fields.Nested(PanelEnrolment, required=True)


class PanelRecovery(CamelCase):
    """Each of the codes opens the account once when the authenticator app is lost."""

    recovery_codes = fields.List(fields.String(), required=True)


class PanelRecoveryCodes(Success):
    data = fields.Nested(PanelRecovery, required=True)
