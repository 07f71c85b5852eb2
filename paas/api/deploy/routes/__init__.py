"""The routes of document 001, and those that do more to its deployments."""

from flask import Blueprint

from paas.api.deploy.routes import deploy, deployments, drift, health, logs, power
from paas.api.wiring import json_only

blueprint = Blueprint("deploy", __name__)
blueprint.before_request(json_only)
for area in (health, deploy, deployments, power, drift, logs):
    area.register(blueprint)
