"""The account of whoever asks, and where it is signed in."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.loading import load_body
from paas.api.operations import Answer, Operation, documented
from paas.api.panel import envelope
from paas.api.panel.auth import actor
from paas.api.panel.paths import an_id, id_of
from paas.api.panel.schemas.answers import PanelMe, PanelSaid, PanelSignIns
from paas.api.panel.schemas.requests import PanelProfileBody
from paas.services import accounts, profile

ENDED = "Sign-in ended"
OTHERS_ENDED = "All other sign-ins ended"
ME = {
    "success": True,
    "data": {
        "id": 1,
        "email": "user@example.com",
        "firstName": "John",
        "lastName": "Doe",
        "role": "user",
        "createdAt": "2023-01-01T00:00:00.000Z",
    },
}
SIGN_IN = {
    "id": "2f0c1f8e-6f0b-4b43-8f0e-0d2c6a3b9d11",
    "ipAddress": "192.0.2.7",
    "userAgent": "curl/8.5.0",
    "createdAt": "2023-01-01T00:00:00.000Z",
    "expiresAt": "2023-01-15T00:00:00.000Z",
    "current": True,
}


@documented(Operation("accounts", "Get my profile", {200: Answer("The profile", (PanelMe,), ME)}))
def me() -> Response:
    """The profile of whoever asks."""
    return envelope.success(PanelMe, profile.profile(platform(), actor()))


@documented(
    Operation(
        "accounts",
        "Change my profile or password",
        {200: Answer("The profile as it is now", (PanelMe,), ME)},
        refusals=(400,),
        description=(
            "What is left out stays as it is. A new password needs the current one, and ends all "
            "other sign-ins of the user."
        ),
        body=lambda _: PanelProfileBody(),
        body_example={
            "firstName": "John",
            "lastName": "Doe",
            "currentPassword": "currentpassword",
            "newPassword": "newsecurepassword",
        },
    )
)
def change() -> Response:
    """Change names or password."""
    given = load_body(PanelProfileBody())
    changed = profile.update(
        platform(),
        actor(),
        first_name=given.get("first_name"),
        last_name=given.get("last_name"),
        current_password=given.get("current_password"),
        new_password=given.get("new_password"),
    )
    return envelope.success(PanelMe, changed)


@documented(
    Operation(
        "accounts",
        "List my sign-ins",
        {200: Answer("Newest first", (PanelSignIns,), {"success": True, "data": [SIGN_IN]})},
    )
)
def sign_ins() -> Response:
    """Where the user is signed in."""
    return envelope.success(PanelSignIns, accounts.sign_ins(platform(), actor()))


@documented(
    Operation(
        "accounts",
        "End one of my sign-ins",
        {
            200: Answer(
                "Its tokens count no more",
                (PanelSaid,),
                {"success": True, "data": {"message": ENDED}},
            )
        },
        refusals=(404,),
        path=an_id("sign_in_id", "The id of the sign-in"),
    )
)
def end_sign_in(sign_in_id: str) -> Response:
    """End a sign-in."""
    accounts.end_sign_in(platform(), actor(), id_of(sign_in_id, "Sign-in not found"))
    return envelope.success(PanelSaid, {"message": ENDED})


@documented(
    Operation(
        "accounts",
        "End all my other sign-ins",
        {
            200: Answer(
                "Only the sign-in that asks still counts",
                (PanelSaid,),
                {"success": True, "data": {"message": OTHERS_ENDED}},
            )
        },
    )
)
def end_others() -> Response:
    """End all sign-ins but this one."""
    accounts.end_other_sign_ins(platform(), actor())
    return envelope.success(PanelSaid, {"message": OTHERS_ENDED})


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/users/me"
    blueprint.add_url_rule(path, view_func=me)
    blueprint.add_url_rule(path, view_func=change, methods=["PUT"])
    blueprint.add_url_rule(f"{path}/sign-ins", view_func=sign_ins)
    blueprint.add_url_rule(f"{path}/sign-ins", view_func=end_others, methods=["DELETE"])
    blueprint.add_url_rule(
        f"{path}/sign-ins/<sign_in_id>", view_func=end_sign_in, methods=["DELETE"]
    )
