"""How a private repository is read."""

from flask import Blueprint, Response
from marshmallow import fields

from paas.api import rules
from paas.api.context import platform
from paas.api.loading import StrictSchema, load_body
from paas.api.operations import Answer, Operation, documented
from paas.api.paas import envelope, examples
from paas.api.paas.auth import actor
from paas.api.paths import app_id as known
from paas.services import credentials

UNUSABLE = "Invalid token. Must be 1 to 1000 visible characters"
USERNAME = "Invalid username. Must be 1 to 255 visible characters, and no colon"
PORT = "Invalid ssh_port. Must be a number from 1 to 65535"
FORGOTTEN = "Repository credential removed"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample paas-my-app"


class TokenBody(StrictSchema):
    """A token that the git host has issued; some hosts want a certain user name beside it."""

    token = rules.text(UNUSABLE, r"^[!-~]{1,1000}$", required=True)
    username = rules.text(USERNAME, r"^[!-9;-~]{1,255}$", load_default="")


class KeyBody(StrictSchema):
    """Where the git host takes ssh."""

    ssh_port = rules.whole_number(PORT, 1, 65535, load_default=22)


class CredentialShown(StrictSchema):
    """What is known of the credential; never the secret."""

    kind = fields.String(required=True, metadata={"enum": ["key", "token"]})
    public_key = fields.String(required=True, allow_none=True)
    username = fields.String(required=True, allow_none=True)


class CredentialAnswer(StrictSchema):
    credential = fields.Nested(CredentialShown, required=True, allow_none=True)


def _answer(description: str) -> dict[int, Answer]:
    example = {"kind": "key", "public_key": PUBLIC_KEY, "username": None}
    return {200: Answer(description, (CredentialAnswer,), {"credential": example})}


@documented(
    Operation(
        "apps",
        "Make a deploy key",
        _answer("Add `public_key` to the repository at the git host, for reading"),
        refusals=(400, 404),
        path=examples.APP,
        body=lambda _: KeyBody(),
        body_required=False,
        body_example={"ssh_port": 22},
    )
)
def make_key(app_id: str) -> Response:
    """A new key pair."""
    port = load_body(KeyBody(), required=False)["ssh_port"]
    found = credentials.make_key(platform(), actor(), known(app_id), port=port)
    return envelope.success(CredentialAnswer, credential=found)


@documented(
    Operation(
        "apps",
        "Read the repository with a token",
        _answer("The token is kept encrypted and never shown"),
        refusals=(400, 404),
        path=examples.APP,
        body=lambda _: TokenBody(),
        body_example={"token": "issued-by-the-git-host"},
    )
)
def set_token(app_id: str) -> Response:
    """A token in place of what was there."""
    body = load_body(TokenBody())
    found = credentials.set_token(
        platform(), actor(), known(app_id), body["token"], username=body["username"]
    )
    return envelope.success(CredentialAnswer, credential=found)


@documented(
    Operation(
        "apps",
        "See how the repository is read",
        _answer("What is known of the credential"),
        refusals=(404,),
        path=examples.APP,
    )
)
def shown(app_id: str) -> Response:
    """The credential without its secret."""
    found = credentials.shown(platform(), actor(), known(app_id))
    return envelope.success(CredentialAnswer, credential=found)


@documented(
    Operation(
        "apps",
        "Forget how the repository is read",
        {200: Answer("It is read as everybody can", (envelope.Said,), {"message": FORGOTTEN})},
        refusals=(404,),
        path=examples.APP,
    )
)
def forget(app_id: str) -> Response:
    """Remove the credential."""
    credentials.forget(platform(), actor(), known(app_id))
    return envelope.success(envelope.Said, message=FORGOTTEN)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/paas/apps/<app_id>/repository"
    blueprint.add_url_rule(f"{path}/key", view_func=make_key, methods=["POST"])
    blueprint.add_url_rule(f"{path}/token", view_func=set_token, methods=["PUT"])
    blueprint.add_url_rule(path, view_func=shown, endpoint="show_credential")
    blueprint.add_url_rule(path, view_func=forget, methods=["DELETE"], endpoint="forget_credential")
