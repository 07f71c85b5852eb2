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
APP_FORM = {"name": "shop", "git_url": "https://github.com/a/b"}
USER_FORM = {
    "email": "new@example.com",
    "password": "a password for tests",
    "tenant": "default",
    "role": "user",
}
PLAN_FORM = {
    "name": "Small",
    "slug": "small",
    "cpu_cores": "1",
    "ram_mb": "512",
    "disk_gb": "10",
    "max_replicas": "3",
    "price_per_hour": "0.01",
}
STORY = (P.LOGS_READ,)
PLANS = (P.PLANS_READ,)

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
    "web.session.ask_code": OPEN,
    "web.session.enter_code": OPEN,
    "web.session.sign_out": KNOWN,
    "web.letters.forgotten": OPEN,
    "web.letters.ask": OPEN,
    "web.letters.reset": OPEN,
    "web.letters.choose": OPEN,
    "web.letters.invitation": OPEN,
    "web.letters.accept": OPEN,
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
    "web.apps.index": Row(P.APPS_READ),
    "web.apps.new": Row(P.PLANS_READ),
    "web.apps.create": Row(P.APPS_WRITE, besides=PLANS, form=APP_FORM),
    "web.versions.show": Row(P.APPS_READ, App),
    "web.versions.confirm": Row(P.APPS_DEPLOY, App),
    "web.versions.rollback": Row(P.APPS_DEPLOY, App),
    "web.environment.show": Row(P.APPS_READ, App),
    "web.environment.put": Row(P.ENV_WRITE, App, form={"key": "COLOUR", "value": "blue"}),
    "web.environment.delete": Row(P.ENV_WRITE, App),
    "web.app_settings.show": Row(P.APPS_READ, App, besides=PLANS),
    "web.app_settings.change": Row(P.APPS_WRITE, App, form={"name": "shop"}),
    "web.app_settings.scale": Row(P.APPS_DEPLOY, App, form={"replicas": "2"}),
    "web.app_settings.take_pushes": Row(P.APPS_DEPLOY, App),
    "web.app_settings.end_pushes": Row(P.APPS_DEPLOY, App),
    "web.app_settings.make_key": Row(P.APPS_WRITE, App, form={"ssh_port": "22"}),
    "web.app_settings.keep_token": Row(P.APPS_WRITE, App, form={"token": "of-the-host"}),
    "web.app_settings.forget_credential": Row(P.APPS_WRITE, App),
    "web.account.show": Row(P.ACCOUNT, person=True),
    "web.account.rename": Row(P.ACCOUNT, person=True, form={"first_name": "John"}),
    "web.account.change_password": Row(P.ACCOUNT, person=True),
    "web.account.switch": Row(P.ACCOUNT, Absent, person=True),
    "web.account.end_others": Row(P.ACCOUNT, person=True),
    "web.account.end_sign_in": Row(P.ACCOUNT, Absent, person=True),
    "web.account.make_token": Row(P.ACCOUNT, person=True, form={"name": "a", "scopes": "account"}),
    "web.account.revoke_token": Row(P.ACCOUNT, Absent, person=True),
    "web.account.begin_second_factor": Row(P.ACCOUNT, person=True),
    "web.account.confirm_second_factor": Row(P.ACCOUNT, person=True),
    "web.account.renew_codes": Row(P.ACCOUNT, person=True),
    "web.account.end_second_factor": Row(P.ACCOUNT, person=True),
    "web.team.show": Row(P.TENANT_READ),
    "web.team.invite": Row(P.TENANT_WRITE, form={"email": "new@example.com"}),
    "web.team.withdraw": Row(P.TENANT_WRITE, Absent),
    "web.team.set_standing": Row(P.TENANT_WRITE, Absent),
    "web.team.remove": Row(P.TENANT_WRITE, Absent),
    "web.team.leave": Row(P.ACCOUNT, person=True),
    "web.team.rename": Row(P.TENANT_WRITE, form={"name": "Team"}),
    "web.usage.own": Row(P.USAGE_READ),
    "web.audit.team": Row(P.TENANT_WRITE),
    "web.audit.export_team": Row(P.TENANT_WRITE),
    # Pages of administrators
    "web.admin.index": Row(P.ADMIN_READ),
    "web.admin.add_node": Row(P.ADMIN_WRITE, form={"name": "worker-1"}),
    "web.admin.remove_node": Row(P.ADMIN_WRITE, Absent),
    "web.admin.connect": Row(P.ADMIN_WRITE),
    "web.admin_apps.index": Row(P.ADMIN_READ),
    "web.admin_apps.suspend": Row(P.ADMIN_WRITE, App),
    "web.admin_apps.resume": Row(P.ADMIN_WRITE, App),
    "web.people.list_users": Row(P.ADMIN_READ),
    "web.people.create_user": Row(P.ADMIN_WRITE, form=USER_FORM),
    "web.people.set_role": Row(P.ADMIN_WRITE, Absent),
    "web.people.set_active": Row(P.ADMIN_WRITE, Absent),
    "web.people.remove_second_factor": Row(P.ADMIN_WRITE, Absent),
    "web.people.list_tenants": Row(P.ADMIN_READ),
    "web.people.create_tenant": Row(P.ADMIN_WRITE, form={"name": "a third team"}),
    "web.people.close_tenant": Row(P.ADMIN_WRITE, Absent),
    "web.plans.index": Row(P.ADMIN_READ),
    "web.plans.new": Row(P.ADMIN_READ),
    "web.plans.create": Row(P.ADMIN_WRITE, form=PLAN_FORM),
    "web.plans.edit": Row(P.ADMIN_READ, Absent),
    "web.plans.update": Row(P.ADMIN_WRITE, Absent, form=PLAN_FORM),
    "web.plans.delete": Row(P.ADMIN_WRITE, Absent),
    "web.live.show": Row(P.ADMIN_READ, besides=PLANS),
    "web.live.change": Row(P.ADMIN_WRITE, besides=PLANS),
    "web.usage.everything": Row(P.ADMIN_READ),
    "web.audit.everything": Row(P.ADMIN_READ),
    "web.audit.export": Row(P.ADMIN_READ),
    "rq_dashboard.static": OPEN,
}
# The queue's dashboard brings its routes itself, all of them below this name.
BELOW = {"rq_dashboard.": Row(P.ADMIN_READ, Absent)}


def row_of(endpoint: str) -> Row | None:
    """The row of a route; None when it has none."""
    if endpoint in ROWS:
        return ROWS[endpoint]
    return next((row for name, row in BELOW.items() if endpoint.startswith(name)), None)
