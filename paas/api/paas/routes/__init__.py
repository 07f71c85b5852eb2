"""The routes of document 000: each file has those of an area."""

from flask import Blueprint

from paas.api.paas.routes import (
    admin_apps,
    admin_plans,
    admin_settings,
    admin_usage,
    apps,
    credentials,
    environment,
    logs,
    plans,
    power,
    releases,
    webhook,
    workers,
)
from paas.api.wiring import json_only

blueprint = Blueprint("paas", __name__)
blueprint.before_request(json_only)
for area in (
    apps,
    releases,
    power,
    environment,
    logs,
    webhook,
    credentials,
    plans,
    admin_apps,
    admin_plans,
    admin_settings,
    admin_usage,
    workers,
):
    area.register(blueprint)
