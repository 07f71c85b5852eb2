"""Is the platform well, what does it know, how is it doing."""

from flask import Blueprint, Response, jsonify

from paas.api.context import platform
from paas.api.deploy import envelope
from paas.api.deploy.auth import actor
from paas.api.deploy.schemas import answers
from paas.api.operations import Answer, Operation, documented
from paas.services import frameworks as catalogue
from paas.services import health as condition
from paas.services import stats as numbers

HEALTH = {"status": "healthy", "service": "PaaS Platform", "version": "1.0.0"}
FRAMEWORKS = {
    "django": {
        "name": "Django",
        "language": "python",
        "version": "4.2",
        "port": 8000,
        "install_cmd": "pip install django gunicorn",
    }
}
STATS = {
    "total_deployments": 15,
    "running_deployments": 12,
    "failed_deployments": 2,
    "success_rate": 80.0,
}


@documented(
    Operation(
        "platform",
        "Health check",
        {200: Answer("The platform serves", (answers.Health,), HEALTH)},
    )
)
def health() -> Response:
    """The state of the platform; the one body without ``success``."""
    return jsonify(answers.Health().dump(condition.health(platform())))


@documented(
    Operation(
        "platform",
        "List the frameworks",
        {
            200: Answer(
                "The frameworks by their id",
                (answers.Frameworks,),
                {"success": True, "frameworks": FRAMEWORKS},
            ),
        },
    )
)
def frameworks() -> Response:
    """The catalogue, keyed by framework."""
    return envelope.success(answers.Frameworks, frameworks=catalogue.listing(platform()))


@documented(
    Operation(
        "platform",
        "Statistics",
        {
            200: Answer(
                "Totals over the deployments that are not deleted",
                (answers.Stats,),
                {"success": True, "stats": STATS},
            ),
        },
    )
)
def stats() -> Response:
    """How many deployments there are, and how many of them run or have failed."""
    return envelope.success(answers.Stats, stats=numbers.stats(platform(), actor()))


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/health", view_func=health)
    blueprint.add_url_rule("/api/health", "api_health", health)
    blueprint.add_url_rule("/api/frameworks", view_func=frameworks)
    blueprint.add_url_rule("/api/stats", view_func=stats)
