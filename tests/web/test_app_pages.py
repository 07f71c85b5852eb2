"""The pages of one deployment without scripts."""

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

import paas
from paas.domain.views import Difference
from paas.engine.platform import Platform
from paas.services import actors, deployments
from paas.store.events import entry
from tests.api.support import UUID_OF_NOBODY, InstantWorker, NoGuests
from tests.web.support import add_app, form, read, send

HOSTILE = "\"'><script>alert(1)</script>"


@pytest.fixture
def running(client: FlaskClient) -> str:
    """The path of a running deployment's page."""
    answer = send(
        client,
        "/",
        "/",
        name="shop",
        framework="flask",
        github_url="https://github.com/acme/shop",
    )
    return str(answer.location).partition("#")[0]


def state(core: Platform, path: str) -> str:
    return deployments.get(core, actors.default(core), path.rpartition("/")[2]).state


def test_facts_log_and_links(client: FlaskClient, running: str) -> None:
    page = client.get(running).text
    assert "acme/shop" in page
    assert "8f14e45fceea" in page
    assert "Apply complete!" in page
    assert f"/api/deployments/{running.rpartition('/')[2]}/terraform" in page
    assert "Open the app" in page


def test_a_failure_is_told_in_its_words(client: FlaskClient, core: Platform) -> None:
    app_id = add_app(
        core, state="failed", error_message="The app did not answer on port 8000 within 60 s."
    )
    page = client.get(f"/apps/{app_id}").text
    assert "The app did not answer on port 8000 within 60 s." in page
    assert "/stop" not in page
    assert form(page, f"/apps/{app_id}/redeploy")


def test_steps_and_headings(client: FlaskClient, core: Platform) -> None:
    app_id = add_app(
        core,
        entry("step", "fetch", "started"),
        entry("step", "fetch", "done"),
        entry("step", "provision", "started"),
        operation="deploy",
        state="provisioning",
    )
    page = client.get(f"/apps/{app_id}").text
    assert page.count("Make the guest") == 3  # The log's heading, the step, and the script's words.
    assert "making its guest" in page
    assert 'data-active="yes"' in page
    assert "/redeploy" not in page


def test_log_text_cannot_break_out(client: FlaskClient, core: Platform) -> None:
    app_id = add_app(
        core,
        entry("log", "ansible", f"\x1b[31m{HOSTILE}\x1b[0m \x1b]0;x\x07"),
        entry("log", HOSTILE, "text"),
        entry("step", HOSTILE, "started"),
    )
    page = client.get(f"/apps/{app_id}").text
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert '<span class="c1">&#34;&#39;&gt;&lt;script&gt;' in page
    assert not [attrs for _, attrs in read(page).tags if "onerror" in attrs]


def test_the_log_as_plain_text(client: FlaskClient, core: Platform) -> None:
    app_id = add_app(core, entry("log", "git", "\x1b[36m<b>main</b>\x1b[0m"))
    answer = client.get(f"/apps/{app_id}/log.txt")
    assert answer.mimetype == "text/plain"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.text.endswith("[git] <b>main</b>\n")


def lines(page: str) -> list[str]:
    return re.findall(r'<p class="s-stdout"[^>]*><b>stdout</b><span>([^<]*)</span>', page)


def test_output_of_the_app(client: FlaskClient, running: str) -> None:
    page = client.get(f"{running}/output").text
    assert lines(page) == [f"line {n}" for n in range(20)]
    (log,) = [attrs for _, attrs in read(page).tags if attrs.get("id") == "log"]
    assert log["data-last"].endswith("@2025-11-25T10:00:19.5/1")
    app_id = running.rpartition("/")[2]
    assert log["data-events"] == f"/api/deployments/{app_id}/runtime-logs?follow=1"
    assert 'data-writes="yes"' in page


def test_output_with_a_text(client: FlaskClient, running: str) -> None:
    page = client.get(f"{running}/output", query_string={"search": " line 1"}).text
    assert lines(page) == ["line 1", *(f"line {n}" for n in range(10, 20))]
    assert "runtime-logs?follow=1&amp;search=line+1" in page
    page = client.get(f"{running}/output", query_string={"search": HOSTILE}).text
    assert "No line has this text." in page
    assert "<script>alert" not in page
    found = [form.fields for form in read(page).forms if form.method == "get"]
    assert found == [{"search": HOSTILE}]
    for odd in ("", "\x00\x1b", "x" * 1000):
        answer = client.get(f"{running}/output", query_string={"search": odd})
        assert answer.status_code == 200


def test_output_of_a_guest_that_does_not_answer(
    client: FlaskClient, target: NoGuests, running: str
) -> None:
    target.away = "Node pve1 is offline"
    answer = client.get(f"{running}/output")
    assert answer.status_code == 200
    assert "Node pve1 is offline" in answer.text
    assert "The guest does not answer now." in answer.text


def test_a_guest_that_is_as_it_was_made(client: FlaskClient, running: str) -> None:
    assert f'href="{running}/guest"' in client.get(running).text
    page = client.get(f"{running}/guest").text
    assert "The guest is as the platform made it." in page
    assert "this machine" in page
    assert not [one for one in read(page).forms if one.action == "" and one.method == "post"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("repair", "The guest is being brought back."),
        ("adopt", "The guest is being taken as it is."),
    ],
)
def test_a_guest_that_differs(
    client: FlaskClient,
    target: NoGuests,
    worker: InstantWorker,
    running: str,
    answer: str,
    said: str,
) -> None:
    target.unlike = [Difference("memory", "2048", HOSTILE)]
    page = client.get(f"{running}/guest").text
    assert "2048" in page
    assert "<script>alert" not in page
    forms = [one for one in read(page).forms if one.fields.get("answer") == answer]
    worker.asleep = True
    sent = client.post(f"{running}/guest", data=forms[0].fields)
    assert sent.location == running
    page = client.get(running).text
    assert said in page
    assert 'data-active="yes"' in page
    assert "Something is being done to it now" in client.get(f"{running}/guest").text
    client.post(f"{running}/guest", data=forms[0].fields)
    assert "This deployment is busy" in client.get(running).text


def test_a_guest_that_cannot_be_looked_at(
    client: FlaskClient, core: Platform, target: NoGuests, running: str
) -> None:
    target.away = "Node pve1 is offline"
    answer = client.get(f"{running}/guest")
    assert (answer.status_code, "Node pve1 is offline." in answer.text) == (200, True)
    app_id = add_app(core, state="pending")
    assert "This deployment has no guest." in client.get(f"/apps/{app_id}/guest").text
    assert "/guest" not in client.get(f"/apps/{app_id}").text


def test_what_is_waited_for(client: FlaskClient, core: Platform) -> None:
    app_id = add_app(
        core,
        operation="deploy",
        state="pending",
        error_message="waiting: Proxmox at https://pve.example.com:8006 does not answer",
    )
    for path in ("/", f"/apps/{app_id}"):
        assert "waiting: Proxmox at https://pve.example.com:8006" in client.get(path).text
    assert 'class="note wait"' in client.get(f"/apps/{app_id}").text


def test_stop_and_start(client: FlaskClient, core: Platform, running: str) -> None:
    assert send(client, running, f"{running}/stop").location == running
    assert state(core, running) == "stopped"
    assert "The app is being stopped." in client.get(running).text
    assert f"{running}/restart" not in client.get(running).text
    send(client, running, f"{running}/start")
    assert state(core, running) == "running"


def test_restart(client: FlaskClient, core: Platform, running: str) -> None:
    assert send(client, running, f"{running}/restart").location == running
    assert state(core, running) == "running"
    assert "The app is being restarted." in client.get(running).text


@pytest.mark.parametrize(
    ("ref", "said"), [("", "The newest commit is"), ("v1.2", "v1.2 is"), (HOSTILE, None)]
)
def test_redeploy(client: FlaskClient, running: str, ref: str, said: str | None) -> None:
    send(client, running, f"{running}/redeploy", ref=ref)
    page = client.get(running).text
    assert "<script>alert" not in page
    if said:
        assert f"{said} being deployed." in page
    else:
        assert "Invalid ref." in page


def test_what_a_busy_app_refuses_is_said(
    client: FlaskClient, worker: InstantWorker, running: str
) -> None:
    stale = form(client.get(running).text, f"{running}/stop")
    worker.asleep = True
    send(client, running, f"{running}/redeploy")
    client.post(stale.action, data=stale.fields)
    assert "This deployment is busy" in client.get(running).text


def test_destroy_asks_first_and_leads_to_the_list(
    client: FlaskClient, core: Platform, running: str
) -> None:
    assert any(
        attrs.get("href") == f"{running}/destroy"
        for _, attrs in read(client.get(running).text).tags
    )
    question = client.get(f"{running}/destroy").text
    assert "Destroy shop?" in question
    assert state(core, running) == "running"
    answer = send(client, f"{running}/destroy", f"{running}/destroy")
    assert answer.location == "/"
    assert "shop is being destroyed." in client.get("/").text
    assert state(core, running) == "deleted"


def test_a_destroyed_app_stays_readable_without_buttons(
    client: FlaskClient, core: Platform, running: str
) -> None:
    send(client, f"{running}/destroy", f"{running}/destroy")
    page = client.get(running).text
    assert "destroyed" in page
    assert "Apply complete!" in page
    assert not [found for found in read(page).forms if found.method == "post"]
    assert "A destroyed app has no output." in client.get(f"{running}/output").text


@pytest.mark.parametrize("page", ["", "/live", "/output", "/guest", "/destroy", "/log.txt"])
@pytest.mark.parametrize("app_id", [UUID_OF_NOBODY, "nonsense", "..%2f..", HOSTILE])
def test_an_unknown_deployment_is_a_page_that_says_so(
    client: FlaskClient, app_id: str, page: str
) -> None:
    answer = client.get(f"/apps/{app_id}{page}")
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert "<script>alert" not in answer.text


def test_where_the_edge_serves_an_app(core: Platform, running: str) -> None:
    settings = replace(core.settings, edge="local", edge_listen="127.0.0.1:5080")
    client = paas.create_app(platform=replace(core, settings=settings)).test_client()
    told = client.get(running).text
    assert re.search(r'<a href="http://[a-z0-9-]+\.localhost:5080" rel="noreferrer">', told)
    send(client, running, f"{running}/stop")
    assert "localhost:5080" not in client.get(running).text
