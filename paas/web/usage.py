"""What was used and what it cost, as pictures with the figures beside them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from paas.domain.commerce import HourUsed
from paas.services import usage
from paas.store.base import utcnow
from paas.web import charts
from paas.web.access import actor, platform
from paas.web.charts import Chart

bp = Blueprint("usage", __name__)

SPANS = {"1": "a day", "7": "a week", "30": "a month"}
MOST_BARS = 96
ROWS = 48


@bp.get("/usage")
def own() -> ResponseReturnValue:
    """The usage of the team, and of each of its apps."""
    days, since = _span()
    hours = usage.own_per_hour(platform(), actor(), since, limit=24 * days + 1)
    return render_template(
        "web/usage.html",
        here="usage",
        hours=hours[:ROWS],
        charts=_charts(hours),
        shares=usage.own_by_app(platform(), actor(), since),
        what="App",
        today=usage.cost_today(platform(), actor()),
        days=str(days),
        spans=SPANS,
    )


@bp.get("/admin/usage")
def everything() -> ResponseReturnValue:
    """The usage of all teams together, and of each."""
    days, since = _span()
    hours = usage.usage_per_hour(platform(), actor(), since, limit=24 * days + 1)
    return render_template(
        "web/usage.html",
        here="admin",
        hours=hours[:ROWS],
        charts=_charts(hours),
        shares=usage.by_tenant(platform(), actor(), since),
        what="Team",
        today=None,
        days=str(days),
        spans=SPANS,
    )


def _span() -> tuple[int, datetime]:
    """How many days are shown, and from when on."""
    asked = request.args.get("days", "")
    days = int(asked) if asked in SPANS else 7
    return days, utcnow() - timedelta(days=days)


def _charts(hours: Sequence[HourUsed]) -> list[Chart]:
    """Pictures of cores, memory and cost, the oldest hour at the left."""
    oldest_first = list(reversed(hours))
    step = -(-len(oldest_first) // MOST_BARS) or 1
    parts = [oldest_first[start : start + step] for start in range(0, len(oldest_first), step)]
    names = [f"{part[0].hour:%Y-%m-%d %H:%M}" for part in parts]

    def means(of: str) -> list[float]:
        return [sum(float(getattr(one, of)) for one in part) / len(part) for part in parts]

    costs = [sum(float(one.total_cost) for one in part) for part in parts]
    return [
        charts.bars("Cost", names, costs, "{:,.4g}"),
        charts.bars("Cores", names, means("total_cpu"), "{:,.4g}"),
        charts.bars("Memory", names, means("total_ram_mb"), "{:,.0f} MB"),
    ]
