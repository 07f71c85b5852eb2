"""Plans and usage, as services take and return them. Memory is in MB, disk in GB, money has no
currency: it is the operator's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class PlanSpec:
    """A plan to create. ``features`` is flat; ``placement`` may say nodes, storage, bridge, vlan.

    Without a monthly price the plan has none: hours are what is counted.
    """

    name: str
    slug: str
    cpu_cores: float
    ram_mb: int
    disk_gb: int
    max_replicas: int
    price_per_hour: Decimal
    price_per_month: Decimal | None = None
    features: Mapping[str, Any] = field(default_factory=dict)
    placement: Mapping[str, Any] = field(default_factory=dict)
    is_active: bool = True


@dataclass(frozen=True)
class PlanView:
    """A plan; ``id`` is its uuid."""

    id: str
    name: str
    slug: str
    cpu_cores: float
    ram_mb: int
    disk_gb: int
    max_replicas: int
    price_per_hour: Decimal
    price_per_month: Decimal | None
    features: Mapping[str, Any]
    placement: Mapping[str, Any]
    is_active: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class PlanRemoval:
    """What became of a plan that was to be deleted: one that apps have only leaves the offer."""

    plan: PlanView
    is_gone: bool


@dataclass(frozen=True)
class HourUsed:
    """What was used in one full hour: means over the hour, and its cost."""

    hour: datetime
    total_cpu: float
    total_ram_mb: float
    total_cost: Decimal


@dataclass(frozen=True)
class Usage:
    """What an app or a tenant used in a span of counted hours: sums of units times hours.

    ``hours`` are those in which it served; ``replica_hours`` count each replica.
    """

    id: str
    name: str
    hours: float
    replica_hours: float
    cpu_hours: float
    ram_mb_hours: float
    cost: Decimal


@dataclass(frozen=True)
class Overview:
    """The platform in figures. What runs now is in ``total_cpu`` and ``total_ram_mb``; the cost
    is that since midnight UTC, the hour that has begun included."""

    applications: Mapping[str, int]
    deployments: int
    total_cpu: float
    total_ram_mb: int
    total_cost_today: Decimal
    worker_nodes: Mapping[str, int]
