"""The routes of document 004, and those that an account needs besides."""

from flask import Blueprint

from paas.api.panel.envelope import expect_version
from paas.api.panel.routes import invitations, me, resets, second_factor, sign_in, tokens
from paas.api.wiring import json_only

blueprint = Blueprint("panel", __name__)
blueprint.before_request(expect_version)
blueprint.before_request(json_only)
for area in (sign_in, resets, invitations, me, tokens, second_factor):
    area.register(blueprint)
