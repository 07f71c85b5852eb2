"""Automatic deployments: the secret with which a git host signs its pushes."""

from flask import Blueprint, Response
from marshmallow import fields

from paas.api.context import platform
from paas.api.loading import StrictSchema
from paas.api.operations import Answer, Operation, documented
from paas.api.paas import envelope, examples
from paas.api.paas.auth import actor
from paas.api.paths import app_id as known
from paas.services import pushes

DISABLED = "Pushes deploy this application no more"


class PushesTaken(StrictSchema):
    """Where a git host sends pushes, below the platform's address, and the secret for it."""

    path = fields.String(required=True)
    secret = fields.String(required=True)


@documented(
    Operation(
        "apps",
        "Deploy what is pushed",
        {
            200: Answer(
                "Pushes to the app's branch deploy it; the secret is shown this once",
                (PushesTaken,),
                {"path": f"/api/hooks/push/{examples.ID}", "secret": "kept-by-the-git-host"},
            )
        },
        refusals=(404,),
        description="A new secret ends the one before. `auto_deploy` of the app is switched on.",
        path=examples.APP,
    )
)
def enable(app_id: str) -> Response:
    """A new secret for pushes."""
    found = pushes.enable(platform(), actor(), known(app_id))
    return envelope.success(PushesTaken, path=found.path, secret=found.secret)


@documented(
    Operation(
        "apps",
        "Deploy what is pushed no more",
        {200: Answer("Pushes are refused", (envelope.Said,), {"message": DISABLED})},
        refusals=(404, 409),
        path=examples.APP,
    )
)
def disable(app_id: str) -> Response:
    """End the secret."""
    pushes.disable(platform(), actor(), known(app_id))
    return envelope.success(envelope.Said, message=DISABLED)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/paas/apps/<app_id>/webhook"
    blueprint.add_url_rule(path, view_func=enable, methods=["POST"], endpoint="enable_pushes")
    blueprint.add_url_rule(path, view_func=disable, methods=["DELETE"], endpoint="disable_pushes")
