"""The pages of administrators."""

import csv
import io
import json
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from paas.domain.permissions import Role
from paas.engine.platform import Platform
from paas.services import actors, live_settings, plans, users
from paas.store.base import utcnow
from paas.store.commerce import CountedHour, UsageHour
from tests.services import people
from tests.web.support import add_app, form, read, send, sign_in, texts

PLAN = {
    "name": "Tiny",
    "slug": "tiny",
    "cpu_cores": "0.25",
    "ram_mb": "512",
    "disk_gb": "10",
    "max_replicas": "3",
    "price_per_hour": "0.0069",
    "features": "ssl=yes\nseats=5\nsupport=by mail",
    "nodes": "pve1, pve2",
    "vlan": "12",
}
ALL = [
    "/admin",
    "/admin/apps",
    "/admin/tenants",
    "/admin/users",
    "/admin/plans",
    "/admin/plans/new",
    "/admin/settings",
    "/admin/usage",
    "/admin/audit",
    "/admin/audit/file",
]


@pytest.mark.parametrize("path", ALL)
def test_they_are_for_administrators(remote: FlaskClient, core: Platform, path: str) -> None:
    sign_in(remote, people.add_user(core))
    assert remote.get(path).status_code == 403
    assert "/admin" not in remote.get("/").text
    sign_in(remote, people.add_user(core, role=Role.ADMIN))
    assert remote.get(path).status_code == 200


def test_nodes_have_gauges(client: FlaskClient) -> None:
    page = client.get("/admin").text
    meters = [a for tag, a in read(page).tags if tag == "meter"]
    assert [(m["aria-label"], m["value"], m["max"]) for m in meters] == [
        ("Cores in use", "2.5", "4"),
        ("Memory in use", "4096", "8192"),
    ]
    assert "12 guests, 0 of this platform" in page


def test_a_node_is_removed_and_added_again(client: FlaskClient) -> None:
    (path,) = re.findall(r'action="(/admin/nodes/[0-9a-f-]{36}/remove)"', client.get("/admin").text)
    send(client, "/admin", path)
    assert "Worker worker-1 is removed." in client.get("/admin").text
    send(client, "/admin", "/admin/nodes", name="worker-1")
    assert "worker-1 is added." in client.get("/admin").text


def test_a_node_that_cannot_be_added_is_said(client: FlaskClient) -> None:
    answer = send(client, "/admin", "/admin/nodes", name="-", ssh_key="a-secret-key", ssh_port="x")
    assert answer.status_code == 400
    assert "a-secret-key" not in answer.text
    wrong = {a["name"] for _, a in read(answer.text).tags if a.get("aria-invalid")}
    assert wrong == {"name", "ssh_port"}


def test_plans_are_made_changed_and_deleted(client: FlaskClient, core: Platform) -> None:
    assert send(client, "/admin/plans/new", "", **PLAN).status_code == 303
    (plan,) = [one for one in plans.everything(core, actors.default(core)) if one.slug == "tiny"]
    assert plan.price_per_hour == Decimal("0.0069")
    assert plan.features == {"ssl": True, "seats": 5, "support": "by mail"}
    assert plan.placement == {"nodes": ["pve1", "pve2"], "vlan": 12}
    kept = form(client.get(f"/admin/plans/{plan.id}").text, "").fields
    assert {name: kept[name] for name in PLAN} == PLAN | {"price_per_hour": kept["price_per_hour"]}
    send(client, f"/admin/plans/{plan.id}", "", cpu_cores="2", price_per_month="9.50")
    (plan,) = [one for one in plans.everything(core, actors.default(core)) if one.slug == "tiny"]
    assert (plan.cpu_cores, plan.price_per_month) == (2, Decimal("9.50"))
    assert plan.price_per_hour == Decimal("0.0069")
    send(client, "/admin/plans", f"/admin/plans/{plan.id}/delete")
    assert "The plan Tiny is removed." in client.get("/admin/plans").text


def test_a_broken_plan_says_what_of_it(client: FlaskClient) -> None:
    answer = send(client, "/admin/plans/new", "", **{**PLAN, "cpu_cores": "0.33", "slug": "Ä"})
    assert answer.status_code == 400
    wrong = {a["name"] for _, a in read(answer.text).tags if a.get("aria-invalid")}
    assert wrong == {"cpu_cores", "slug"}
    assert client.get("/admin/plans/nothing").status_code == 404


def test_settings_say_beside_each_field_what_is_wrong(client: FlaskClient, core: Platform) -> None:
    where = "/admin/settings"
    answer = send(client, where, "", default_domain="no domain", loki_retention_days="many")
    assert answer.status_code == 400
    wrong = {
        a["name"]: a["aria-describedby"] for _, a in read(answer.text).tags if a.get("aria-invalid")
    }
    assert wrong == {
        "default_domain": "e-default_domain",
        "loki_retention_days": "e-loki_retention_days",
    }
    assert form(answer.text, "").fields["default_domain"] == "no domain"
    send(client, where, "", default_domain="apps.example.com", s3_secret_key="kept-secret")
    shown = live_settings.shown(core, actors.default(core))
    assert (shown["default_domain"], shown["s3_secret_key"]) == ("apps.example.com", "set")
    page = client.get(where).text
    assert "kept-secret" not in page
    send(client, where, "")
    assert live_settings.shown(core, actors.default(core))["s3_secret_key"] == "set"
    data = {**form(page, "").fields, "forget_s3_secret_key": "yes"}
    client.post(where, data=data)
    assert live_settings.shown(core, actors.default(core))["s3_secret_key"] == "unset"


def test_users_are_made_and_shut_out(client: FlaskClient, core: Platform) -> None:
    people.add_user(core, "root@example.com", role=Role.ADMIN)
    typed = {"email": "ada@example.com", "password": people.PASSWORD, "role": "user"}
    assert send(client, "/admin/users", "/admin/users", **typed).status_code == 303
    again = send(client, "/admin/users", "/admin/users", **typed)
    assert again.status_code == 409
    assert people.PASSWORD not in again.text
    uuid = people.uuid_of(core, "ada@example.com")
    send(client, "/admin/users", f"/admin/users/{uuid}/role")
    assert users.get(core, actors.default(core), uuid).role == "admin"
    send(client, "/admin/users", f"/admin/users/{uuid}/active")
    assert not users.get(core, actors.default(core), uuid).is_active
    page = client.get("/admin/users?search=ada").text
    assert "shut out" in page
    assert "root@example.com" not in page
    root = people.uuid_of(core, "root@example.com")
    send(client, "/admin/users", f"/admin/users/{root}/role")
    assert "This is the last active administrator" in client.get("/admin/users").text


def test_teams(remote: FlaskClient, core: Platform) -> None:
    sign_in(remote, people.add_user(core, role=Role.ADMIN))
    send(remote, "/admin/tenants", "/admin/tenants", name="Blue Team")
    page = remote.get("/admin/tenants").text
    assert "blue-team" in page
    (path,) = re.findall(r'action="(/admin/tenants/[0-9a-f-]{36}/close)"', page)
    send(remote, "/admin/tenants", path)
    assert "blue-team" not in remote.get("/admin/tenants").text


def test_target_local_has_one_team_unless_told(client: FlaskClient) -> None:
    answer = send(client, "/admin/tenants", "/admin/tenants", name="Blue Team")
    assert answer.status_code == 409
    assert "PAAS_LOCAL_UNSAFE=1" in answer.text


def test_apps_of_all_teams_are_suspended_and_resumed(client: FlaskClient, core: Platform) -> None:
    app_id = add_app(core, name="shop", slug="shop", state="stopped")
    send(client, "/admin/apps", f"/admin/apps/{app_id}/suspend")
    page = client.get("/admin/apps?state=suspended").text
    assert "shop" in page
    assert "default" in page
    send(client, "/admin/apps?state=suspended", f"/admin/apps/{app_id}/resume")
    assert "Nothing fits." in client.get("/admin/apps?state=suspended").text


def test_usage_is_drawn_with_its_figures_beside(client: FlaskClient, core: Platform) -> None:
    assert "No hour is counted yet." in client.get("/admin/usage").text
    add_app(core, name="shop", slug="shop")
    now = utcnow().replace(minute=0, second=0, microsecond=0)
    with core.store.write() as session:
        for back in (1, 2, 3):
            hour = now - timedelta(hours=back)
            session.add(CountedHour(hour=hour))
            session.add(
                UsageHour(
                    hour=hour, app_id=1, tenant_id=1, seconds=3600, replicas=1, cpu=back,
                    ram_mb=512, disk_gb=5, cost=Decimal("0.02"),
                )
            )  # fmt: skip
    for path in ("/admin/usage", "/usage?days=1"):
        page = client.get(path).text
        bars = [float(a["height"]) for tag, a in read(page).tags if tag == "rect" and "x" in a]
        assert bars[3:6] == [120.0, 80.0, 40.0]
        assert f"{now - timedelta(hours=3):%Y-%m-%d %H:%M} 3 512 MB 0.0200" in texts(page, "tr")


def test_the_audit_log_is_narrowed_and_taken_along(client: FlaskClient) -> None:
    send(client, "/admin/plans/new", "", **PLAN)
    send(client, "/admin/settings", "", default_domain="apps.example.com")
    page = client.get("/admin/audit?action=plan.&actor=local").text
    assert "plan.create" in page
    assert "settings.update" not in page
    assert "Nothing fits." in client.get("/admin/audit?until=2001-01-01&cursor=x'").text
    text = client.get("/admin/audit/file?form=csv&action=plan.create")
    assert text.mimetype == "text/csv"
    assert "attachment" in text.headers["Content-Disposition"]
    (row,) = list(csv.DictReader(io.StringIO(text.text)))
    assert (row["actor"], row["action"]) == ("local", "plan.create")
    lines = client.get("/team/audit/file?form=jsonl").text.splitlines()
    assert {json.loads(line)["action"] for line in lines} >= {"plan.create", "settings.update"}
