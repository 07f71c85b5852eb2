"""The routes that no document names."""

from flask import Blueprint

from paas.api.platform import pages
from paas.api.platform.routes import events, metrics, reference, terraform
from paas.api.wiring import json_only

blueprint = Blueprint(
    "platform",
    "paas.api.platform",
    static_folder="static",
    static_url_path="/docs/static",
    template_folder="templates",
)
blueprint.before_request(json_only)
blueprint.add_app_template_filter(pages.with_code)
for area in (events, metrics, reference, terraform):
    area.register(blueprint)
