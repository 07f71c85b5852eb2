"""An invitation: what it is for, and taking it."""

from flask import Blueprint, Response, request

from paas import doors
from paas.api.context import platform
from paas.api.loading import load_body
from paas.api.operations import Answer, Operation, documented
from paas.api.panel import envelope
from paas.api.panel.routes.me import ME
from paas.api.panel.schemas.answers import PanelInvited, PanelMe
from paas.api.panel.schemas.requests import PanelAcceptBody, PanelLetterBody
from paas.services import invitations

LETTER = {"token": "Yc0u1b3m4QfQJd0XsZr7"}
INVITATION = {
    "email": "user@example.com",
    "tenant": "Shops",
    "standing": "member",
    "invitedBy": "owner@example.com",
    "hasAccount": False,
    "expiresAt": "2023-01-08T00:00:00.000Z",
}


@documented(
    Operation(
        "accounts",
        "Look at an invitation",
        {
            200: Answer(
                "What the link of the letter invites to",
                (PanelInvited,),
                {"success": True, "data": INVITATION},
            )
        },
        refusals=(400, 404),
        body=lambda _: PanelLetterBody(),
        body_example=LETTER,
    )
)
@doors.without_token
def look() -> Response:
    """What a link invites to."""
    given = load_body(PanelLetterBody())
    return envelope.success(PanelInvited, invitations.shown(platform(), given["token"]))


@documented(
    Operation(
        "accounts",
        "Accept an invitation",
        {200: Answer("The user, who can sign in now", (PanelMe,), ME)},
        refusals=(400, 404),
        description="Names and password are for an address that has no account yet.",
        body=lambda _: PanelAcceptBody(),
        body_example=LETTER
        | {"firstName": "John", "lastName": "Doe", "password": "newsecurepassword"},
    )
)
@doors.without_token
def accept() -> Response:
    """Come into a tenant."""
    given = load_body(PanelAcceptBody())
    user = invitations.accept(
        platform(),
        given["token"],
        password=given["password"],
        first_name=given["first_name"],
        last_name=given["last_name"],
        source=request.remote_addr or "",
    )
    return envelope.success(PanelMe, user)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/auth/invitations"
    blueprint.add_url_rule(f"{path}/look", "look_at_invitation", look, methods=["POST"])
    blueprint.add_url_rule(f"{path}/accept", "accept_invitation", accept, methods=["POST"])
