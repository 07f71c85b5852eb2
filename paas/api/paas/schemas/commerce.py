"""Plans and usage: what is asked of them and how they are shown."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, post_load

from paas.api import rules
from paas.api.answers import Amount, Moment
from paas.api.loading import StrictSchema
from paas.domain.commerce import PlanSpec
from paas.services import plan_rules
from paas.services.usage import MOST_HOURS, WEEK

SINCE = "Invalid since. Must be a time such as 2025-11-09T10:00:00Z"
UNTIL = "Invalid until. Must be a time such as 2025-11-09T10:00:00Z"
LIMIT = f"Invalid limit. Must be 1-{MOST_HOURS}"


def _exact(value: Any) -> Any:
    """A JSON number as the decimal number that was written: 0.0069 stays 0.0069."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Decimal(str(value)) if is_number else value


class PlanField(fields.Raw):
    """A field of a plan under the rule that services hold it to."""

    def __init__(self, name: str, schema: Mapping[str, Any], **options: Any) -> None:
        description = options.pop("description", "")
        super().__init__(
            validate=_rule(name),
            error_messages=rules.one_sentence(plan_rules.SENTENCES[name]),
            metadata={"schema": schema} | ({"description": description} if description else {}),
            **options,
        )


def _rule(name: str) -> Callable[[object], None]:
    def check(value: object) -> None:
        if not plan_rules.RULES[name](_exact(value) if name in PRICES else value):
            raise ValidationError(plan_rules.SENTENCES[name])

    return check


PRICES = ("price_per_hour", "price_per_month")


def _whole(edges: tuple[int, int]) -> dict[str, Any]:
    return {"type": "integer", "minimum": edges[0], "maximum": edges[1]}


CORES = {"type": "number", "minimum": 0.05, "maximum": 16}
HOURLY = {"type": "number", "minimum": 0, "exclusiveMaximum": 100_000}
MONTHLY = {"type": ["number", "null"], "minimum": 0, "exclusiveMaximum": 100_000_000}
FEATURES = {
    "type": "object",
    "maxProperties": plan_rules.MOST_FEATURES,
    "additionalProperties": {"type": ["boolean", "number", "string"]},
}
PLACEMENT = {
    "type": "object",
    "properties": {
        "nodes": {"type": "array", "items": {"type": "string"}},
        "storage": {"type": "string"},
        "bridge": {"type": "string"},
        "vlan": {"type": "integer", "minimum": 1, "maximum": 4094},
    },
    "additionalProperties": False,
}
PLACED = "Where guests of the plan are made, where it says so"


class PlanChangeBody(StrictSchema):
    """The fields of a plan that change; the others stay."""

    name = PlanField("name", {"type": "string", "minLength": 1, "maxLength": 64})
    slug = PlanField("slug", {"type": "string", "pattern": f"^{plan_rules.SLUG.pattern}$"})
    cpu_cores = PlanField("cpu_cores", CORES, description="In steps of 0.05")
    ram_mb = PlanField("ram_mb", _whole(plan_rules.MEMORY))
    disk_gb = PlanField("disk_gb", _whole(plan_rules.DISK))
    max_replicas = PlanField("max_replicas", _whole(plan_rules.REPLICAS))
    price_per_hour = PlanField("price_per_hour", HOURLY, description="Of one replica")
    price_per_month = PlanField("price_per_month", MONTHLY, allow_none=True)
    features = PlanField("features", FEATURES)
    placement = PlanField("placement", PLACEMENT, description=PLACED)
    is_active = PlanField("is_active", {"type": "boolean"})

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Any:
        return {name: _exact(value) if name in PRICES else value for name, value in data.items()}


class PlanBody(PlanChangeBody):
    """A new plan, loaded into a ``PlanSpec``."""

    def __init__(self) -> None:
        super().__init__()
        for name in NEEDED:
            self.fields[name].required = True

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> PlanSpec:
        return PlanSpec(
            **{name: _exact(value) if name in PRICES else value for name, value in data.items()}
        )


NEEDED = ("name", "slug", "cpu_cores", "ram_mb", "disk_gb", "max_replicas", "price_per_hour")


class PlanRow(StrictSchema):
    """A plan as users see it."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    slug = fields.String(required=True)
    cpu_cores = Amount(required=True)
    ram_mb = fields.Integer(required=True)
    disk_gb = fields.Integer(required=True)
    max_replicas = fields.Integer(required=True)
    price_per_hour = fields.Float(required=True)
    price_per_month = fields.Float(required=True, allow_none=True)
    features = fields.Dict(required=True, metadata={"schema": FEATURES})


class PlanDetail(PlanRow):
    """A plan as administrators see it."""

    placement = fields.Dict(required=True, metadata={"schema": PLACEMENT})
    is_active = fields.Boolean(required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class PlanList(StrictSchema):
    plans = fields.List(fields.Nested(PlanRow), required=True)


class AllPlanList(StrictSchema):
    plans = fields.List(fields.Nested(PlanDetail), required=True)


class PlanShown(StrictSchema):
    plan = fields.Nested(PlanDetail, required=True)


class PlanRemoved(StrictSchema):
    """What became of the plan; ``plan`` is how it was, or is now that nobody new can have it."""

    message = fields.String(required=True)
    plan = fields.Nested(PlanDetail, required=True)


class _Moment(rules.Time):
    """A time in ISO 8601, loaded as such."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        return datetime.fromisoformat(super()._deserialize(value, attr, data, **options))


class UsageQuery(StrictSchema):
    """Which hours."""

    since = _Moment(SINCE, metadata={"description": "Hours from then on"})
    until = _Moment(UNTIL, metadata={"description": "Hours before then"})
    limit = rules.WrittenNumber(
        LIMIT,
        1,
        MOST_HOURS,
        load_default=WEEK,
        metadata={"description": "At most so many hours, the newest"},
    )


class HourRow(StrictSchema):
    """What was used in a full hour: means over it, and its cost."""

    hour = Moment(required=True)
    total_cpu = Amount(required=True)
    total_ram_mb = Amount(required=True)
    total_cost = fields.Float(required=True)


class UsageList(StrictSchema):
    usage = fields.List(fields.Nested(HourRow), required=True)


class AppUsageRow(StrictSchema):
    """What an app used in the hours that were asked for: units times hours."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    hours = Amount(required=True)
    replica_hours = Amount(required=True)
    cpu_hours = Amount(required=True)
    ram_mb_hours = Amount(required=True)
    cost = fields.Float(required=True)


class OwnUsage(UsageList):
    """The usage of a team; ``cost_today`` has the hour that has begun too."""

    apps = fields.List(fields.Nested(AppUsageRow), required=True)
    cost_today = fields.Float(required=True)


class StatusCount(StrictSchema):
    status = fields.String(required=True)
    count = fields.Integer(required=True)


class DeploymentTotal(StrictSchema):
    total = fields.Integer(required=True)


class ResourceUsage(StrictSchema):
    total_cpu = Amount(required=True)
    total_ram_mb = fields.Integer(required=True)
    total_cost_today = fields.Float(required=True)


class OverviewShown(StrictSchema):
    applications = fields.List(fields.Nested(StatusCount), required=True)
    deployments = fields.Nested(DeploymentTotal, required=True)
    resource_usage = fields.Nested(ResourceUsage, required=True)
    worker_nodes = fields.List(fields.Nested(StatusCount), required=True)
