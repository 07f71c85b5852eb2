"""How a deployment's guest differs from what the platform made, and the two answers to that."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.deploy import envelope, waiting
from paas.api.deploy.auth import actor
from paas.api.deploy.schemas import answers
from paas.api.deploy.schemas.parameters import WaitHeaders
from paas.api.deploy.schemas.requests import ADOPT, DriftBody
from paas.api.loading import load_body
from paas.api.operations import Answer, Operation, documented
from paas.api.paths import DEPLOYMENT, app_id
from paas.services import drift as drifting

ADOPTED = ("The guest was taken as it is", "Adoption accepted")
REPAIRED = ("The guest is as it should be", "Repair accepted")
DONE = "The guest was taken as it is, or brought back"
DRIFT = {
    "target": "proxmox_lxc",
    "vmid": 100012,
    "node": "pve2",
    "differences": [
        {"name": "node", "wanted": "pve1", "found": "pve2"},
        {"name": "memory", "wanted": "2048", "found": "4096"},
    ],
}


@documented(
    Operation(
        "deployments",
        "Compare the guest with what was made",
        {
            200: Answer(
                "What differs now, as the target says; nothing when the list is empty",
                (answers.Drifted,),
                {"success": True, "drift": DRIFT},
            ),
        },
        refusals=(404, 409, 503),
        description="Looks only. 503 when the place where the guest lives does not answer.",
        path=DEPLOYMENT,
    )
)
def drift(deployment_id: str) -> Response:
    """How the guest differs from its row."""
    found = drifting.examine(platform(), actor(), app_id(deployment_id))
    return envelope.success(answers.Drifted, drift=found)


@documented(
    Operation(
        "deployments",
        "Answer a difference",
        {
            **waiting.outcomes(DONE, ADOPTED[1], "The guest is gone"),
        },
        refusals=(400, 404, 409),
        description=(
            "`adopt` takes the guest as it is now, `repair` brings it back to what the platform "
            "has of it."
        ),
        path=DEPLOYMENT,
        headers=WaitHeaders,
        body=lambda _: DriftBody(),
        body_example={"answer": "repair"},
    )
)
def answer_drift(deployment_id: str) -> Response:
    """Take the guest as it is, or bring it back."""
    adopts = load_body(DriftBody())["answer"] == ADOPT
    prefer = waiting.load_preference()
    begin = drifting.adopt if adopts else drifting.repair
    operation = begin(platform(), actor(), app_id(deployment_id))
    done, accepted = ADOPTED if adopts else REPAIRED
    return waiting.answer(operation, prefer, done=done, accepted=accepted)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/deployments/<deployment_id>/drift"
    blueprint.add_url_rule(path, view_func=drift)
    blueprint.add_url_rule(path, view_func=answer_drift, methods=["POST"])
