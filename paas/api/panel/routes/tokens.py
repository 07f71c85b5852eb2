"""Named tokens: for scripts, with a part of what their user may do."""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.loading import load_body
from paas.api.operations import Answer, Operation, documented
from paas.api.panel import envelope
from paas.api.panel.auth import actor
from paas.api.panel.paths import an_id, id_of
from paas.api.panel.schemas.answers import PanelSaid, PanelTokenMade, PanelTokens
from paas.api.panel.schemas.requests import PanelTokenBody
from paas.services import tokens

REVOKED = "Token revoked"
TOKEN = {
    "id": "2f0c1f8e-6f0b-4b43-8f0e-0d2c6a3b9d11",
    "name": "deploys of the shop",
    "prefix": "paas_Yc0u1b3",
    "scopes": ["apps:deploy", "apps:read"],
    "tenant": "default",
    "createdAt": "2023-01-01T00:00:00.000Z",
    "expiresAt": "2023-03-02T00:00:00.000Z",
    "lastUsedAt": None,
}


@documented(
    Operation(
        "accounts",
        "List my tokens",
        {200: Answer("Newest first", (PanelTokens,), {"success": True, "data": [TOKEN]})},
    )
)
def listed() -> Response:
    """The user's tokens that were not revoked, without their text."""
    return envelope.success(PanelTokens, tokens.listing(platform(), actor()))


@documented(
    Operation(
        "accounts",
        "Make a token",
        {
            201: Answer(
                "The token, whose text is never shown again",
                (PanelTokenMade,),
                {"success": True, "data": TOKEN | {"token": "paas_Yc0u1b3m4QfQJd0XsZr7"}},
            )
        },
        refusals=(400, 409),
        description=(
            "For the tenant that the user works in. It may do what its scopes say, as far as its "
            "user may, and it cannot touch the account itself."
        ),
        body=lambda _: PanelTokenBody(),
        body_example={
            "name": TOKEN["name"],
            "scopes": ["apps:read", "apps:deploy"],
            "expiresInDays": 60,
        },
    )
)
def make() -> Response:
    """A new named token."""
    given = load_body(PanelTokenBody())
    days = given["expires_in_days"]
    ends = datetime.now(UTC) + timedelta(days=days) if days else None
    made = tokens.create(platform(), actor(), given["name"], given["scopes"], expires_at=ends)
    return envelope.success(PanelTokenMade, {**vars(made.view), "token": made.token}, 201)


@documented(
    Operation(
        "accounts",
        "Revoke a token",
        {
            200: Answer(
                "It counts no more",
                (PanelSaid,),
                {"success": True, "data": {"message": REVOKED}},
            )
        },
        refusals=(404,),
        path=an_id("token_id", "The id of the token"),
    )
)
def revoke(token_id: str) -> Response:
    """End a token."""
    tokens.revoke(platform(), actor(), id_of(token_id, "Token not found"))
    return envelope.success(PanelSaid, {"message": REVOKED})


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/api/users/me/tokens", "tokens", listed)
    blueprint.add_url_rule("/api/users/me/tokens", "make_token", make, methods=["POST"])
    blueprint.add_url_rule(
        "/api/users/me/tokens/<token_id>", "revoke_token", revoke, methods=["DELETE"]
    )
