"""The books against what stands: guests without a deployment, deployments without a guest."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.operations import Answer, Operation, documented
from paas.api.upkeep import envelope
from paas.api.upkeep.auth import actor
from paas.api.upkeep.schemas import Report
from paas.services import reconcile

UNKNOWN = {
    "kind": "unknown",
    "endpoint": "pve.example.com",
    "vmid": 100012,
    "node": "pve1",
    "name": "shop-2f0c1f8e",
    "says": "The guest 100012 carries this installation's marker, and no row speaks for it.",
    "mend": "paas adopt 100012, or paas remove 100012",
}
ANSWER = {"success": True, "guests": [UNKNOWN]}
KINDS = (
    "`unknown` carries our marker and has no row, `leftover` should be gone, `foreign` is "
    "another's within our range of numbers, `missing` is a deployment's that does not stand."
)


@documented(
    Operation(
        "upkeep",
        "List guests that are not on the books",
        {200: Answer("What a round would find", (Report,), ANSWER)},
        refusals=(503,),
        description=f"Looks only. {KINDS}",
    )
)
def report() -> Response:
    """What stands and should not, and the other way round."""
    return envelope.success(Report, guests=reconcile.report(platform(), actor()))


@documented(
    Operation(
        "upkeep",
        "Remove leftovers now",
        {200: Answer("What was found; leftovers are removed", (Report,), ANSWER)},
        refusals=(503,),
        description=(
            "What the platform does by itself each minute: a guest is removed only when its row "
            "says that it must be gone. The others are listed, and nothing happens to them."
        ),
    )
)
def run() -> Response:
    """One round."""
    return envelope.success(Report, guests=reconcile.run(platform(), actor()))


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/api/reconcile", view_func=report)
    blueprint.add_url_rule("/api/reconcile", view_func=run, methods=["POST"])
