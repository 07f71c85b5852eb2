"""What administrators do about plans."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.loading import load_body
from paas.api.operations import Answer, Operation, documented
from paas.api.paas import envelope, examples
from paas.api.paas.auth import actor
from paas.api.paas.routes.plans import HOBBY
from paas.api.paas.schemas.commerce import (
    AllPlanList,
    PlanBody,
    PlanChangeBody,
    PlanRemoved,
    PlanShown,
)
from paas.api.paths import UUID
from paas.services import plans

DELETED = "Plan deleted"
DEACTIVATED = "Plan deactivated, because applications have it"
PLAN = {
    "plan_id": {
        "type": "string",
        "format": "uuid",
        "pattern": UUID,
        "description": "The id of the plan",
        "example": examples.OTHER_ID,
    }
}
NEW = {
    "name": "Enterprise",
    "slug": "enterprise",
    "cpu_cores": 8,
    "ram_mb": 16384,
    "disk_gb": 200,
    "max_replicas": 50,
    "price_per_hour": 0.50,
    "features": {
        "custom_domain": True,
        "auto_scaling": True,
        "ssl": True,
        "priority_support": True,
        "dedicated_resources": True,
    },
}
MOMENTS = {"created_at": "2025-11-09T10:00:00Z", "updated_at": "2025-11-09T10:00:00Z"}
SHOWN = HOBBY | {"placement": {}, "is_active": True} | MOMENTS
CREATED = (
    {"id": examples.OTHER_ID}
    | NEW
    | {"price_per_month": None, "placement": {}, "is_active": True}
    | MOMENTS
)


@documented(
    Operation(
        "admin",
        "List all plans",
        {200: Answer("All plans, inactive ones too", (AllPlanList,), {"plans": [SHOWN]})},
    )
)
def everything() -> Response:
    """All plans."""
    return envelope.success(AllPlanList, plans=plans.everything(platform(), actor()))


@documented(
    Operation(
        "admin",
        "Create a plan",
        {201: Answer("The plan is offered", (PlanShown,), {"plan": CREATED})},
        refusals=(400,),
        description=(
            "`cpu_cores` may be a fraction: guests then have whole processors and a limit on "
            "their time. `placement` says on which nodes, storage, bridge and VLAN guests of the "
            "plan are made, where they are made on Proxmox."
        ),
        body=lambda _: PlanBody(),
        body_example=NEW,
    )
)
def create() -> Response:
    """Offer a plan."""
    plan = plans.create(platform(), actor(), load_body(PlanBody()))
    return envelope.success(PlanShown, 201, plan=plan)


@documented(
    Operation(
        "admin",
        "Update a plan",
        {200: Answer("The plan as it is now", (PlanShown,), {"plan": SHOWN})},
        refusals=(400, 404),
        description=(
            "Applications keep the size and price that they run with until they are deployed, "
            "scaled or started again."
        ),
        path=PLAN,
        body=lambda _: PlanChangeBody(),
        body_example={"price_per_hour": 0.0083, "is_active": False},
    )
)
def update(plan_id: str) -> Response:
    """Change a plan."""
    plan = plans.update(platform(), actor(), plan_id, load_body(PlanChangeBody()))
    return envelope.success(PlanShown, plan=plan)


@documented(
    Operation(
        "admin",
        "Delete a plan",
        {
            200: Answer(
                "The plan is offered no more",
                (PlanRemoved,),
                {"message": DEACTIVATED, "plan": SHOWN | {"is_active": False}},
            )
        },
        refusals=(404,),
        description="A plan that applications have, or had, is not removed but becomes inactive.",
        path=PLAN,
    )
)
def delete(plan_id: str) -> Response:
    """Remove a plan, or take it from the offer."""
    removal = plans.delete(platform(), actor(), plan_id)
    message = DELETED if removal.is_gone else DEACTIVATED
    return envelope.success(PlanRemoved, message=message, plan=removal.plan)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/admin/paas/plans"
    blueprint.add_url_rule(path, "all_plans", everything)
    blueprint.add_url_rule(path, "create_plan", create, methods=["POST"])
    blueprint.add_url_rule(f"{path}/<plan_id>", "update_plan", update, methods=["PATCH"])
    blueprint.add_url_rule(f"{path}/<plan_id>", "delete_plan", delete, methods=["DELETE"])
