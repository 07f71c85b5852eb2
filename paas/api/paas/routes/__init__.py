"""The routes of document 000: each file has those of an area."""

from flask import Blueprint

from paas.api.paas.routes import apps
from paas.api.wiring import json_only

blueprint = Blueprint("paas", __name__)
blueprint.before_request(json_only)
for area in (apps,):
    area.register(blueprint)
