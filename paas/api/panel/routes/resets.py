"""A forgotten password."""

from flask import Blueprint, Response, request

from paas import doors
from paas.api.context import platform
from paas.api.loading import load_body
from paas.api.operations import Answer, Operation, documented
from paas.api.panel import envelope
from paas.api.panel.schemas.answers import PanelSaid
from paas.api.panel.schemas.requests import PanelNewPasswordBody, PanelResetBody
from paas.services import resets

ASKED = "If there is an account with this address, a letter is on its way"
CHANGED = "The password is changed; sign in with it"


@documented(
    Operation(
        "accounts",
        "Ask for a new password",
        {
            200: Answer(
                "The same answer whether there is such an account or not",
                (PanelSaid,),
                {"success": True, "data": {"message": ASKED}},
            )
        },
        refusals=(400,),
        description="The letter has a link that works once, within an hour.",
        body=lambda _: PanelResetBody(),
        body_example={"email": "user@example.com"},
    )
)
@doors.without_token
def ask() -> Response:
    """Send a letter with a link."""
    given = load_body(PanelResetBody())
    resets.ask(platform(), given["email"], source=request.remote_addr or "")
    return envelope.success(PanelSaid, {"message": ASKED})


@documented(
    Operation(
        "accounts",
        "Choose a new password",
        {
            200: Answer(
                "All sign-ins of the user have ended",
                (PanelSaid,),
                {"success": True, "data": {"message": CHANGED}},
            )
        },
        refusals=(400, 404),
        body=lambda _: PanelNewPasswordBody(),
        body_example={"token": "Yc0u1b3m4QfQJd0XsZr7", "newPassword": "newsecurepassword"},
    )
)
@doors.without_token
def choose() -> Response:
    """Set the new password."""
    given = load_body(PanelNewPasswordBody())
    source = request.remote_addr or ""
    resets.choose(platform(), given["token"], given["new_password"], source=source)
    return envelope.success(PanelSaid, {"message": CHANGED})


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/auth/password-reset"
    blueprint.add_url_rule(path, "ask_reset", ask, methods=["POST"])
    blueprint.add_url_rule(f"{path}/confirm", "choose_password", choose, methods=["POST"])
