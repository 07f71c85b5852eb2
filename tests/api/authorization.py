"""The table of who may do what: a row for each route, by its endpoint.

A row is a permission and what the route is about. From these follows what each kind of caller is
answered (test_authorization.py), so a new route needs no more than its row:

    "paas.scale": Row(P.APPS_DEPLOY, App),

The body is the one that the reference shows for the operation, unless the row has another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from paas.domain.permissions import Permission

P = Permission


class About(Enum):
    """What the route's path names."""

    NOTHING = "nothing of a tenant"
    APP = "an app of the default tenant, which is not there for other tenants"
    ABSENT = "something that is not there at all"


Nothing, App, Absent = About.NOTHING, About.APP, About.ABSENT


class Door(Enum):
    """Routes that need no permission."""

    OPEN = "for everybody, who comes from wherever"
    KNOWN = "for everybody who is known"


@dataclass(frozen=True)
class Row:
    """``person`` is true for what only a signed-in user may do, whatever a token's scopes are;
    ``besides`` are further permissions that the route needs; ``form`` is sent as a form."""

    needs: P | Door
    about: About = Nothing
    person: bool = False
    besides: tuple[P, ...] = ()
    body: Mapping[str, object] | None = None
    form: Mapping[str, str] | None = None


OPEN, KNOWN = Row(Door.OPEN), Row(Door.KNOWN)
DEPLOY_FORM = {
    "name": "shop",
    "framework": "django",
    "deployment_type": "lxc",
    "github_url": "https://github.com/a/b",
    "cores": "1",
    "memory": "512",
    "disk": "10",
}
STORY = (P.LOGS_READ,)

ROWS: dict[str, Row] = {
    # Document 001
    "deploy.health": KNOWN,
    "deploy.api_health": KNOWN,
    "deploy.frameworks": KNOWN,
    "deploy.stats": Row(P.APPS_READ),
    "deploy.deploy": Row(P.APPS_WRITE),
    "deploy.listed": Row(P.APPS_READ),
    "deploy.shown": Row(P.APPS_READ, App),
    "deploy.delete": Row(P.APPS_WRITE, App),
    "deploy.logs": Row(P.LOGS_READ, App),
    "deploy.runtime_logs": Row(P.LOGS_READ, App),
    "deploy.redeploy": Row(P.APPS_DEPLOY, App),
    "deploy.stop": Row(P.APPS_DEPLOY, App),
    "deploy.start": Row(P.APPS_DEPLOY, App),
    "deploy.restart": Row(P.APPS_DEPLOY, App),
    "deploy.shutdown": Row(P.APPS_DEPLOY, App),
    "deploy.drift": Row(P.APPS_READ, App),
    "deploy.answer_drift": Row(P.APPS_DEPLOY, App),
    # Document 000, users
    "paas.listed": Row(P.APPS_READ),
    "paas.create": Row(P.APPS_WRITE),
    "paas.shown": Row(P.APPS_READ, App),
    "paas.update": Row(P.APPS_WRITE, App),
    "paas.delete": Row(P.APPS_WRITE, App),
    "paas.deploy": Row(P.APPS_DEPLOY, App),
    "paas.deployments": Row(P.APPS_READ, App),
    "paas.rollback": Row(P.APPS_DEPLOY, App),
    "paas.scale": Row(P.APPS_DEPLOY, App),
    "paas.stop": Row(P.APPS_DEPLOY, App),
    "paas.start": Row(P.APPS_DEPLOY, App),
    "paas.restart": Row(P.APPS_DEPLOY, App),
    "paas.variables": Row(P.APPS_READ, App),
    "paas.set_variables": Row(P.ENV_WRITE, App),
    "paas.delete_variable": Row(P.ENV_WRITE, App),
    "paas.logs": Row(P.LOGS_READ, App),
    "paas.stream": Row(P.LOGS_READ, App),
    "paas.ticket": Row(P.LOGS_READ, App),
    "paas.available": Row(P.PLANS_READ),
    "paas.used": Row(P.USAGE_READ),
    "paas.enable_pushes": Row(P.APPS_DEPLOY, App),
    "paas.disable_pushes": Row(P.APPS_DEPLOY, App),
    "paas.make_key": Row(P.APPS_WRITE, App),
    "paas.set_token": Row(P.APPS_WRITE, App),
    "paas.show_credential": Row(P.APPS_READ, App),
    "paas.forget_credential": Row(P.APPS_WRITE, App),
    # Document 000, administrators
    "paas.overview": Row(P.ADMIN_READ),
    "paas.everyone": Row(P.ADMIN_READ),
    "paas.suspend": Row(P.ADMIN_WRITE, App),
    "paas.resume": Row(P.ADMIN_WRITE, App),
    "paas.all_plans": Row(P.ADMIN_READ),
    "paas.create_plan": Row(P.ADMIN_WRITE),
    "paas.update_plan": Row(P.ADMIN_WRITE, Absent),
    "paas.delete_plan": Row(P.ADMIN_WRITE, Absent),
    "paas.usage_per_hour": Row(P.ADMIN_READ),
    "paas.workers": Row(P.ADMIN_READ),
    "paas.add_worker": Row(P.ADMIN_WRITE),
    "paas.remove_worker": Row(P.ADMIN_WRITE, Absent),
    "paas.swarm_init": Row(P.ADMIN_WRITE),
    "paas.settings": Row(P.ADMIN_READ),
    "paas.change_settings": Row(P.ADMIN_WRITE),
    # Document 004
    "panel.login": OPEN,
    "panel.refresh": OPEN,
    "panel.ask_reset": OPEN,
    "panel.choose_password": OPEN,
    "panel.look_at_invitation": OPEN,
    "panel.accept_invitation": OPEN,
    "panel.logout": Row(P.ACCOUNT, person=True),
    "panel.me": Row(P.ACCOUNT),
    "panel.change": Row(P.ACCOUNT, person=True, body={"firstName": "John"}),
    "panel.sign_ins": Row(P.ACCOUNT, person=True),
    "panel.end_others": Row(P.ACCOUNT, person=True),
    "panel.end_sign_in": Row(P.ACCOUNT, Absent, person=True),
    "panel.tokens": Row(P.ACCOUNT),
    "panel.make_token": Row(
        P.ACCOUNT, person=True, body={"name": "a script", "scopes": [P.ACCOUNT.value]}
    ),
    "panel.revoke_token": Row(P.ACCOUNT, Absent, person=True),
    "panel.begin_totp": Row(P.ACCOUNT, person=True),
    "panel.confirm_totp": Row(P.ACCOUNT, person=True),
    "panel.renew_codes": Row(P.ACCOUNT, person=True),
    "panel.disable_totp": Row(P.ACCOUNT, person=True),
    # What no document names
    "hooks.push": OPEN,
    "upkeep.report": Row(P.ADMIN_READ),
    "upkeep.run": Row(P.ADMIN_WRITE),
    "upkeep.adopt": Row(P.ADMIN_WRITE, Absent),
    "upkeep.remove": Row(P.ADMIN_WRITE, Absent),
    "platform.events": Row(P.LOGS_READ, App),
    "platform.terraform": Row(P.STATE_READ, App),
    "platform.metrics": Row(P.ADMIN_READ),
    "platform.openapi": KNOWN,
    "platform.docs": KNOWN,
    "platform.static": OPEN,
    # Pages
    "web.static": OPEN,
    "web.session.sign_in": OPEN,
    "web.session.enter": OPEN,
    "web.session.sign_out": KNOWN,
    "web.overview.index": Row(P.APPS_READ),
    "web.overview.live": Row(P.APPS_READ),
    "web.overview.deploy": Row(P.APPS_WRITE, form=DEPLOY_FORM),
    "web.app.show": Row(P.APPS_READ, App, besides=STORY),
    "web.app.live": Row(P.APPS_READ, App, besides=STORY),
    "web.app.output": Row(P.APPS_READ, App, besides=STORY),
    "web.app.guest": Row(P.APPS_READ, App),
    "web.app.answer_drift": Row(P.APPS_DEPLOY, App, form={"answer": "repair"}),
    "web.app.restart": Row(P.APPS_DEPLOY, App),
    "web.app.log_text": Row(P.LOGS_READ, App),
    "web.app.confirm_destroy": Row(P.APPS_READ, App),
    "web.app.redeploy": Row(P.APPS_DEPLOY, App),
    "web.app.stop": Row(P.APPS_DEPLOY, App),
    "web.app.start": Row(P.APPS_DEPLOY, App),
    "web.app.destroy": Row(P.APPS_WRITE, App, form={"name": "shop"}),
    "rq_dashboard.static": OPEN,
}
# The queue's dashboard brings its routes itself, all of them below this name.
BELOW = {"rq_dashboard.": Row(P.ADMIN_READ, Absent)}


def row_of(endpoint: str) -> Row | None:
    """The row of a route; None when it has none."""
    if endpoint in ROWS:
        return ROWS[endpoint]
    return next((row for name, row in BELOW.items() if endpoint.startswith(name)), None)
