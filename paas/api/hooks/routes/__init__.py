"""The routes of hooks."""

from flask import Blueprint

from paas.api.hooks.routes import push
from paas.api.wiring import json_only

blueprint = Blueprint("hooks", __name__)
blueprint.before_request(json_only)
push.register(blueprint)
