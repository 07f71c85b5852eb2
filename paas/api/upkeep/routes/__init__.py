"""The routes of upkeep."""

from flask import Blueprint

from paas.api.upkeep.routes import guests, reconcile
from paas.api.wiring import json_only

blueprint = Blueprint("upkeep", __name__)
blueprint.before_request(json_only)
for area in (reconcile, guests):
    area.register(blueprint)
