"""The two answers to a guest that carries our marker and has no row: take it, or remove it."""

import re

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.loading import load_body
from paas.api.operations import Answer, Operation, documented
from paas.api.upkeep import envelope
from paas.api.upkeep.auth import actor
from paas.api.upkeep.routes.reconcile import UNKNOWN
from paas.api.upkeep.schemas import Adopted, Removed, StrayBody
from paas.domain.errors import NotFound
from paas.services import reconcile

VMID = {
    "vmid": {
        "type": "string",
        "pattern": r"^[1-9][0-9]{2,8}$",
        "description": "The number of the guest",
        "example": "100012",
    }
}
ADOPTED = "The guest is a deployment again"
REMOVED = "The guest is removed"
DEPLOYMENT = {
    "id": "2f0c1f8e-6f0b-4b43-8f0e-0d2c6a3b9d11",
    "name": "shop",
    "status": "failed",
}


@documented(
    Operation(
        "upkeep",
        "Adopt a guest",
        {
            200: Answer(
                "The guest has a deployment, which a redeploy brings to life",
                (Adopted,),
                {"success": True, "message": ADOPTED, "deployment": DEPLOYMENT},
            )
        },
        refusals=(400, 404, 409, 503),
        description="For a guest of kind `unknown` alone, such as after a restored database.",
        path=VMID,
        body=lambda _: StrayBody(),
        body_required=False,
        body_example={"endpoint": "pve.example.com"},
    )
)
def adopt(vmid: str) -> Response:
    """Make a deployment of a guest that has none."""
    endpoint = load_body(StrayBody(), required=False)["endpoint"]
    app = reconcile.adopt(platform(), actor(), _number(vmid), endpoint)
    return envelope.success(Adopted, message=ADOPTED, deployment=app)


@documented(
    Operation(
        "upkeep",
        "Remove a guest",
        {
            200: Answer(
                "The guest and its volumes are gone",
                (Removed,),
                {
                    "success": True,
                    "message": REMOVED,
                    "guest": UNKNOWN | {"says": "The guest 100012 is removed.", "mend": ""},
                },
            )
        },
        refusals=(400, 404, 409, 503),
        description=(
            "For a guest of kind `unknown` alone. There is no way back: its data go with it."
        ),
        path=VMID,
        body=lambda _: StrayBody(),
        body_required=False,
        body_example={"endpoint": "pve.example.com"},
    )
)
def remove(vmid: str) -> Response:
    """Remove a guest that has no deployment."""
    endpoint = load_body(StrayBody(), required=False)["endpoint"]
    guest = reconcile.remove(platform(), actor(), _number(vmid), endpoint)
    return envelope.success(Removed, message=REMOVED, guest=guest)


def _number(text: str) -> int:
    """The number in a path; what cannot be one is not found."""
    if not re.fullmatch(VMID["vmid"]["pattern"], text):
        raise NotFound("Guest not found")
    return int(text)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    for view in (adopt, remove):
        path = f"/api/guests/<vmid>/{view.__name__}"
        blueprint.add_url_rule(path, view_func=view, methods=["POST"])
