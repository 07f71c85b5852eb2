"""Apps on pages: making, deploying, versions and the way back, variables, settings."""

import re
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from paas.domain.commerce import PlanSpec
from paas.engine.platform import Platform
from paas.services import actors, apps, plans, releases, variables
from paas.store.models import Release
from tests.api.support import InstantWorker
from tests.services import people
from tests.web.support import form, read, send, sign_in, texts

HOSTILE = "\"'><script>alert(1)</script>"
SECRET = "a-value-that-nobody-may-see"


@pytest.fixture
def plan(core: Platform) -> str:
    spec = PlanSpec("Tiny", "tiny", 0.5, 512, 10, 2, Decimal("0.01"))
    return plans.create(core, actors.default(core), spec).id


def made(client: FlaskClient, **typed: str) -> str:
    """The path of a new app's page."""
    given = {"name": "My Shop", "git_url": "https://github.com/acme/shop", **typed}
    answer = send(client, "/apps/new", "", **given)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


@pytest.fixture
def path(client: FlaskClient, plan: str) -> str:
    """The page of an app that serves its second version."""
    found = made(client, plan_id=plan, buildpack="heroku/python")
    send(client, f"{found}/environment", f"{found}/environment", key="COLOUR", value=SECRET)
    send(client, found, f"{found}/redeploy")
    return found


def app_id(path: str) -> str:
    return path.rpartition("/")[2]


def test_an_app_is_made_and_deployed(client: FlaskClient, plan: str) -> None:
    path = made(client, plan_id=plan, git_branch="main")
    page = client.get(path).text
    assert "My Shop is made and is being deployed." in page
    assert "Tiny" in page
    table = client.get("/apps").text
    assert re.search(r"<code>my-shop-[0-9a-f]{8}</code>", table)
    (row,) = [row for row in texts(table, "tr") if "My Shop" in row]
    assert "running" in row
    assert row.endswith("1 Tiny just now")


def test_what_the_repository_was_found_to_be_is_shown(
    client: FlaskClient, core: Platform, path: str
) -> None:
    assert "<dt>Framework</dt><dd>not known yet</dd>" in client.get(path).text
    with core.store.write() as session:
        for release in session.query(Release):
            release.plan = {**release.plan, "framework": "flask"}
    assert "<dt>Framework</dt><dd>flask</dd>" in client.get(path).text


def test_an_app_may_wait_for_its_first_deployment(client: FlaskClient) -> None:
    found = form(client.get("/apps/new").text, "")
    data = {**found.fields, "name": "wiki", "git_url": "https://github.com/acme/wiki"}
    del data["deploy"]
    path = client.post("/apps/new", data=data).location
    page = client.get(path).text
    assert "not deployed yet" in page
    assert ">Deploy</button>" in page
    send(client, path, f"{path}/redeploy")
    assert "running" in client.get(path).text


def test_what_is_wrong_stands_beside_its_field(client: FlaskClient) -> None:
    answer = send(client, "/apps/new", "", name=HOSTILE, git_url="https://example.org/x", slug="-")
    assert answer.status_code == 400
    assert "<script>alert" not in answer.text
    wrong = {a["name"] for _, a in read(answer.text).tags if a.get("aria-invalid")}
    assert wrong == {"git_url", "slug"}
    assert form(answer.text, "").fields["name"] == HOSTILE


def test_versions_and_what_a_rollback_would_change(
    client: FlaskClient, core: Platform, path: str
) -> None:
    me = actors.default(core)
    variables.set_variables(core, me, app_id(path), {"ADDED": "1"})
    with core.store.write() as session:
        first = session.query(Release).filter_by(number=1).one()
        first.sha, first.settings = "1" * 40, {"branch": "stable"}
    page = client.get(f"{path}/versions").text
    assert "8f14e45fceea" in page
    links = [a["href"] for tag, a in read(page).tags if a.get("href", "").endswith("/rollback")]
    assert links == [f"{path}/versions/1/rollback"]
    shown = client.get(links[0]).text
    rows = texts(shown, "tr")
    assert "Commit 8f14e45fceea 111111111111" in rows
    assert "Branch none stable" in rows
    assert "ADDED there removed" in rows
    assert "COLOUR there removed" in rows
    assert SECRET not in shown
    assert send(client, links[0], "").location == path
    assert "Version 1 is being brought back." in client.get(path).text


def test_a_rollback_past_migrations_asks_for_a_tick(
    client: FlaskClient, core: Platform, path: str
) -> None:
    with core.store.write() as session:
        session.query(Release).filter_by(number=2).one().plan = {"release": ["migrate"]}
    where = f"{path}/versions/1/rollback"
    page = client.get(where).text
    assert "Version 2 ran migrations" in page
    data = form(page, "").fields
    assert client.post(where, data=data).location == f"{path}/versions"
    assert client.post(where, data={**data, "force": "yes"}).location == path


def test_a_version_that_serves_or_never_did_is_no_way_back(client: FlaskClient, path: str) -> None:
    assert "Version 2 is the one that serves." in client.get(f"{path}/versions/2/rollback").text
    assert client.get(f"{path}/versions/9/rollback").status_code == 400


def test_values_go_in_and_never_come_out(client: FlaskClient, core: Platform, path: str) -> None:
    where = f"{path}/environment"
    lines = f"A=1\nKEY={SECRET}"
    assert send(client, where, where, lines=lines, value="").status_code == 303
    send(client, where, where, key="CERTIFICATE", value="one\r\ntwo")
    page = client.get(where).text
    assert SECRET not in page
    assert texts(page, "code")[:4] == ["A", "CERTIFICATE", "COLOUR", "KEY"]
    refused = send(client, where, where, key="PORT", value=SECRET)
    assert refused.status_code == 400
    assert "PORT is set by the platform" in refused.text
    assert SECRET not in refused.text
    send(client, where, f"{where}/A/delete")
    names = [one.key for one in variables.variables(core, actors.default(core), app_id(path))]
    assert names == ["CERTIFICATE", "COLOUR", "KEY"]


def test_scaling_within_the_plan(client: FlaskClient, path: str) -> None:
    where = f"{path}/settings"
    send(client, where, f"{path}/scale", replicas="2")
    page = client.get(where).text
    assert [row.split()[-1] for row in texts(page, "tr")] == ["State", "stands", "stands"]
    refused = send(client, where, f"{path}/scale", replicas="3")
    assert refused.status_code == 400
    assert "The plan Tiny allows at most 2" in refused.text


def test_settings_pushes_and_the_credential(client: FlaskClient, core: Platform, path: str) -> None:
    where = f"{path}/settings"
    send(client, where, where, name="Our Shop", git_branch="next")
    app = apps.get(core, actors.default(core), app_id(path))
    assert (app.name, app.branch) == ("Our Shop", "next")
    shown = send(client, where, f"{path}/pushes").text
    address, secret = re.findall(r'<pre class="secret"[^>]*>([^<]*)</pre>', shown)
    assert address.endswith(f"/api/hooks/push/{app.id}")
    assert secret not in client.get(where).text
    send(client, where, f"{path}/pushes/end")
    assert "They are off." in client.get(where).text
    send(client, where, f"{path}/credential/key")
    assert "ssh-ed25519 " in client.get(where).text
    send(client, where, f"{path}/credential/token", token=SECRET, username="bot")
    page = client.get(where).text
    assert "It is read with a token of bot" in page
    assert SECRET not in page
    send(client, where, f"{path}/credential/forget")
    assert "It is read as everybody can read it." in client.get(where).text


def test_a_suspended_app_offers_nothing(client: FlaskClient, core: Platform, path: str) -> None:
    apps.suspend(core, actors.default(core), app_id(path))
    page = client.get(path).text
    assert "An administrator has suspended this app." in page
    assert "/redeploy" not in page
    assert "/stop" not in page


def test_failed_attempts_say_why(
    client: FlaskClient, core: Platform, worker: InstantWorker
) -> None:
    path = made(client)
    worker.error = "It never answered"
    releases.deploy(core, actors.default(core), app_id(path))
    assert texts(client.get(f"{path}/versions").text, "tr")[1].startswith("none newest failed")


@pytest.mark.parametrize(
    "view", ["", "/versions", "/environment", "/settings", "/output", "/guest"]
)
def test_another_team_s_app_is_not_there(
    remote: FlaskClient, client: FlaskClient, core: Platform, view: str
) -> None:
    path = made(client)
    sign_in(remote, people.add_user(core, tenant_id=people.add_tenant(core, "other")))
    assert remote.get(path + view).status_code == 404
    assert "My Shop" not in remote.get("/apps").text
