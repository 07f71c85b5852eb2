"""Signing in, staying signed in, signing out."""

from flask import Blueprint, Response, request

from paas import doors
from paas.api import identity
from paas.api.context import platform
from paas.api.loading import load_body
from paas.api.operations import Answer, Operation, documented
from paas.api.panel import envelope
from paas.api.panel.auth import actor
from paas.api.panel.schemas.answers import PanelSaid, PanelSignedIn
from paas.api.panel.schemas.requests import PanelLoginBody, PanelRefreshBody
from paas.domain.account_views import SignedIn
from paas.services import accounts

SIGNED_OUT = "Signed out"
SESSION = {
    "token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "user": {"id": 1, "email": "user@example.com", "role": "user"},
    "refreshToken": "2f0c1f8e-6f0b-4b43-8f0e-0d2c6a3b9d11.Yc0u1b3m4QfQJd0X",
    "expiresIn": 900,
}
FOR_A_WHILE = (
    "`token` goes into the `Authorization` header for `expiresIn` seconds; `refreshToken` gets "
    "the next two, once."
)


@documented(
    Operation(
        "accounts",
        "Sign in",
        {200: Answer("Signed in", (PanelSignedIn,), {"success": True, "data": SESSION})},
        refusals=(400,),
        description=(
            f"{FOR_A_WHILE} An account with a second factor needs `code` too: without it the "
            'answer is 401 with `"details": {"secondFactor": "required", ...}`.'
        ),
        body=lambda _: PanelLoginBody(),
        body_example={"email": "user@example.com", "password": "yourpassword"},
    )
)
@doors.without_token
def login() -> Response:
    """Take an e-mail address and a password for a token."""
    given = load_body(PanelLoginBody())
    signed_in = accounts.sign_in(
        platform(),
        given["email"],
        given["password"],
        given.get("code"),
        source=request.remote_addr or "",
        agent=request.user_agent.string,
    )
    return _answer(signed_in)


@documented(
    Operation(
        "accounts",
        "Stay signed in",
        {200: Answer("The next tokens", (PanelSignedIn,), {"success": True, "data": SESSION})},
        refusals=(400,),
        description=(
            f"{FOR_A_WHILE} A refresh token that comes a second time was stolen: it ends the "
            "sign-in."
        ),
        body=lambda _: PanelRefreshBody(),
        body_example={"refreshToken": SESSION["refreshToken"]},
    )
)
@doors.without_token
def refresh() -> Response:
    """Take a refresh token for new tokens."""
    given = load_body(PanelRefreshBody())
    source = request.remote_addr or ""
    return _answer(accounts.refresh(platform(), given["refresh_token"], source=source))


@documented(
    Operation(
        "accounts",
        "Sign out",
        {
            200: Answer(
                "The sign-in and all its tokens count no more",
                (PanelSaid,),
                {"success": True, "data": {"message": SIGNED_OUT}},
            )
        },
    )
)
def logout() -> Response:
    """End the sign-in that asks."""
    accounts.sign_out(platform(), actor())
    return envelope.success(PanelSaid, {"message": SIGNED_OUT})


def _answer(signed_in: SignedIn) -> Response:
    data = {
        "token": identity.access_token(signed_in),
        "user": signed_in.user,
        "refresh_token": signed_in.refresh,
        "expires_in": int(identity.ACCESS_FOR.total_seconds()),
    }
    return envelope.success(PanelSignedIn, data)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    for view in (login, refresh, logout):
        path = f"/api/auth/{view.__name__}"
        blueprint.add_url_rule(path, view_func=view, methods=["POST"])
