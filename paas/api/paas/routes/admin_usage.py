"""The platform in figures: what there is now, and what was used in each hour."""

from collections.abc import Mapping

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.loading import load_query
from paas.api.operations import Answer, Operation, documented
from paas.api.paas import envelope
from paas.api.paas.auth import actor
from paas.api.paas.routes.plans import HOUR
from paas.api.paas.schemas.commerce import OverviewShown, UsageList, UsageQuery
from paas.services import overview, usage

OVERVIEW = {
    "applications": [
        {"status": "running", "count": 45},
        {"status": "stopped", "count": 10},
    ],
    "deployments": {"total": 150},
    "resource_usage": {"total_cpu": 45.5, "total_ram_mb": 46080, "total_cost_today": 12.50},
    "worker_nodes": [{"status": "active", "count": 3}],
}


@documented(
    Operation(
        "admin",
        "Get an overview",
        {200: Answer("The platform in figures", (OverviewShown,), OVERVIEW)},
        description=(
            "`total_cpu` and `total_ram_mb` are what all replicas have that serve now; "
            "`total_cost_today` is the cost since midnight UTC, up to this moment."
        ),
    )
)
def figures() -> Response:
    """The platform in figures."""
    found = overview.overview(platform(), actor())
    return envelope.success(
        OverviewShown,
        applications=_counts(found.applications),
        deployments={"total": found.deployments},
        resource_usage=found,
        worker_nodes=_counts(found.worker_nodes),
    )


def _counts(found: Mapping[str, int]) -> list[dict[str, object]]:
    return [{"status": status, "count": count} for status, count in found.items()]


@documented(
    Operation(
        "admin",
        "Get resource usage statistics",
        {200: Answer("The counted hours, newest first", (UsageList,), {"usage": [HOUR]})},
        refusals=(400,),
        description="Means over the hour of all applications. An hour is counted when it is over.",
        query=UsageQuery,
    )
)
def hours() -> Response:
    """What everyone used in each hour."""
    asked = load_query(UsageQuery())
    found = usage.usage_per_hour(
        platform(), actor(), asked.get("since"), asked.get("until"), asked["limit"]
    )
    return envelope.success(UsageList, usage=found)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/api/admin/paas/overview", "overview", figures)
    blueprint.add_url_rule("/api/admin/paas/usage", "usage_per_hour", hours)
