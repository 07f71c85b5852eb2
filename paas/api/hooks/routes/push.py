"""``POST /api/hooks/push/<app>``: a git host tells of a push."""

from flask import Blueprint, Response, request
from marshmallow import fields

from paas import doors
from paas.api import bodies
from paas.api.context import platform
from paas.api.envelopes import Message
from paas.api.hooks import envelope, hosts
from paas.api.loading import read_object
from paas.api.operations import Answer, Operation, documented
from paas.services import pushes

PINGED = "This is where pushes are taken"
TAG = "A tag was pushed; branches are deployed"
EXAMPLE = {"success": True, "message": "Commit 0a1b2c3d4e5f is being deployed", "deploys": True}


class TakenAnswer(Message):
    deploys = fields.Boolean(required=True)


@doors.without_token
@documented(
    Operation(
        "pushes",
        "Take a push",
        {
            200: Answer(
                "Nothing is deployed for this push",
                (TakenAnswer,),
                {"success": True, "message": PINGED, "deploys": False},
            ),
            202: Answer("It is deployed, now or when the app is free", (TakenAnswer,), EXAMPLE),
        },
        refusals=(400, 401),
        description=(
            "For GitHub, GitLab, Gitea and Forgejo. The secret is the one that "
            "`POST /api/paas/apps/{id}/webhook` shows."
        ),
        path={"app_id": {"type": "string", "format": "uuid"}},
    )
)
def push(app_id: str) -> Response:
    """Deploy what was pushed, if the app follows that branch."""
    body = bodies.read()
    host = hosts.host_of(request.headers)
    pushes.check(platform(), app_id, hosts.proof_of(host, request.headers, body))
    if request.headers[host.event] != host.pushes:
        return envelope.success(TakenAnswer, message=PINGED, deploys=False)
    found = hosts.push_of(host, read_object(body))
    if found is None:
        return envelope.success(TakenAnswer, message=TAG, deploys=False)
    taken = pushes.take(platform(), app_id, found)
    status = 202 if taken.deploys else 200
    return envelope.success(TakenAnswer, status, message=taken.says, deploys=taken.deploys)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/api/hooks/push/<app_id>", view_func=push, methods=["POST"])
