"""What a plan may be: each rule with its sentence."""

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from paas.settings_rules import NODE_NAME, PVE_NAME

SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
FEATURE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
CORE_STEP = Decimal("0.05")
# The largest guest that an app may ask for without a plan is the largest a plan may have.
CORES = (CORE_STEP, Decimal(16))
MEMORY = (256, 32768)
DISK = (5, 500)
REPLICAS = (1, 100)
MOST_FEATURES = 50
LONGEST_FEATURE = 255
LARGEST_WHOLE = 2**53
HIGHEST_HOURLY, HOURLY_STEP = Decimal(100_000), Decimal("0.000001")
HIGHEST_MONTHLY, MONTHLY_STEP = Decimal(100_000_000), Decimal("0.01")
PLACEMENT = ("nodes", "storage", "bridge", "vlan")

SENTENCES = {
    "name": "Invalid name. Must be 1-64 printable characters",
    "slug": "Invalid slug. Must be 1-64 lower-case letters, digits and dashes, beginning and "
    "ending with a letter or digit",
    "cpu_cores": f"Invalid cpu_cores. Must be {CORES[0]}-{CORES[1]} in steps of {CORE_STEP}",
    "ram_mb": f"Invalid ram_mb. Must be a whole number, {MEMORY[0]}-{MEMORY[1]}",
    "disk_gb": f"Invalid disk_gb. Must be a whole number, {DISK[0]}-{DISK[1]}",
    "max_replicas": f"Invalid max_replicas. Must be a whole number, {REPLICAS[0]}-{REPLICAS[1]}",
    "price_per_hour": "Invalid price_per_hour. Must be 0 or more, with at most 6 decimals",
    "price_per_month": "Invalid price_per_month. Must be 0 or more, with at most 2 decimals",
    "features": f"Invalid features. Must be an object of at most {MOST_FEATURES} names with true, "
    "false, a number or text of at most 255 characters each",
    "placement": "Invalid placement. May have nodes (a list of names), storage, bridge (names as "
    "Proxmox has them) and vlan (1-4094)",
    "is_active": "Invalid is_active. Must be true or false",
}


def broken(given: Mapping[str, Any]) -> list[str]:
    """The sentence of each rule that a whole plan breaks, in the order of its fields."""
    return [SENTENCES[name] for name, holds in RULES.items() if not holds(given[name])]


def _is_name(value: object) -> bool:
    return (
        isinstance(value, str)
        and 1 <= len(value) <= 64
        and value.isprintable()
        and value == value.strip()
    )


def _is_slug(value: object) -> bool:
    return isinstance(value, str) and SLUG.fullmatch(value) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_cores(value: object) -> bool:
    if not _is_number(value):
        return False
    cores = Decimal(str(value))
    return CORES[0] <= cores <= CORES[1] and cores % CORE_STEP == 0


def _between(edges: tuple[int, int]) -> Callable[[object], bool]:
    def is_between(value: Any) -> bool:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return bool(whole and edges[0] <= value <= edges[1])

    return is_between


def _price(highest: Decimal, step: Decimal) -> Callable[[object], bool]:
    def is_price(value: Any) -> bool:
        fine = isinstance(value, Decimal) and value.is_finite() and 0 <= value < highest
        return bool(fine and value % step == 0)

    return is_price


_is_monthly = _price(HIGHEST_MONTHLY, MONTHLY_STEP)


def _is_features(value: object) -> bool:
    if not isinstance(value, Mapping) or len(value) > MOST_FEATURES:
        return False
    return all(FEATURE.fullmatch(name) and _is_feature(one) for name, one in value.items())


def _is_feature(value: Any) -> bool:
    if isinstance(value, bool):
        return True
    if isinstance(value, str):
        return len(value) <= LONGEST_FEATURE and value.isprintable()
    # A larger number would be another one in most clients.
    return _is_number(value) and abs(value) <= LARGEST_WHOLE


def _is_placement(value: object) -> bool:
    if not isinstance(value, Mapping) or not set(value) <= set(PLACEMENT):
        return False
    nodes = value.get("nodes", [])
    names = [value[key] for key in ("storage", "bridge") if key in value]
    return (
        isinstance(nodes, list)
        and len(nodes) <= 100
        and all(isinstance(one, str) and NODE_NAME.fullmatch(one) for one in nodes)
        and all(isinstance(one, str) and PVE_NAME.fullmatch(one) for one in names)
        and ("vlan" not in value or _between((1, 4094))(value["vlan"]))
    )


RULES: Mapping[str, Callable[[Any], bool]] = {
    "name": _is_name,
    "slug": _is_slug,
    "cpu_cores": _is_cores,
    "ram_mb": _between(MEMORY),
    "disk_gb": _between(DISK),
    "max_replicas": _between(REPLICAS),
    "price_per_hour": _price(HIGHEST_HOURLY, HOURLY_STEP),
    "price_per_month": lambda value: value is None or _is_monthly(value),
    "features": _is_features,
    "placement": _is_placement,
    "is_active": lambda value: isinstance(value, bool),
}
