"""The plans that users may choose from, and what their team has used."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.loading import load_query
from paas.api.operations import Answer, Operation, documented
from paas.api.paas import envelope, examples
from paas.api.paas.auth import actor
from paas.api.paas.schemas.commerce import OwnUsage, PlanList, UsageQuery
from paas.services import plans, usage

HOBBY = {
    "id": examples.OTHER_ID,
    "name": "Hobby",
    "slug": "hobby",
    "cpu_cores": 0.5,
    "ram_mb": 512,
    "disk_gb": 10,
    "max_replicas": 1,
    "price_per_hour": 0.0069,
    "price_per_month": 5.00,
    "features": {"custom_domain": False, "auto_scaling": False, "ssl": True},
}
HOUR = {
    "hour": "2025-11-09T10:00:00Z",
    "total_cpu": 45.5,
    "total_ram_mb": 46080,
    "total_cost": 3.25,
}
USED = {
    "id": examples.ID,
    "name": "My App",
    "hours": 12.5,
    "replica_hours": 25,
    "cpu_hours": 12.5,
    "ram_mb_hours": 12800,
    "cost": 0.1725,
}


@documented(
    Operation(
        "plans",
        "List available plans",
        {200: Answer("The plans, the cheapest first", (PlanList,), {"plans": [HOBBY]})},
        description="Prices are of one replica, in the operator's currency.",
    )
)
def available() -> Response:
    """The active plans."""
    return envelope.success(PlanList, plans=plans.active(platform(), actor()))


@documented(
    Operation(
        "plans",
        "Get the usage of the organization",
        {
            200: Answer(
                "The counted hours, newest first, and each application's sums in them",
                (OwnUsage,),
                {"usage": [HOUR], "apps": [USED], "cost_today": 0.31},
            )
        },
        refusals=(400,),
        description=(
            "An hour is counted when it is over, exactly once. The sums are of the listed hours; "
            "`cost_today` begins at midnight UTC and has the hour that has begun too."
        ),
        query=UsageQuery,
    )
)
def used() -> Response:
    """What the actor's tenant used."""
    asked = load_query(UsageQuery())
    since, until = asked.get("since"), asked.get("until")
    hours = usage.own_per_hour(platform(), actor(), since, until, asked["limit"])
    oldest = hours[-1].hour if hours else since
    return envelope.success(
        OwnUsage,
        usage=hours,
        apps=usage.own_by_app(platform(), actor(), oldest, until),
        cost_today=usage.cost_today(platform(), actor()),
    )


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/api/paas/plans", view_func=available)
    blueprint.add_url_rule("/api/paas/usage", view_func=used)
