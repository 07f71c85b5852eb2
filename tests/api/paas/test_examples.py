"""Every example of document 000, as it stands there: 31 endpoints, and the requests of its cURL.

``examples/*.json`` hold what is sent and what comes back, in the document's order; where the
document shows no answer there is none, and only its status and form are looked at. ``apps`` is how
many apps there are (1 unless it says otherwise), ``suspended`` whether that one is suspended. The
stream has a test of its own below.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from paas.domain.nodes import Added, NodeView, Room, WorkerSpec
from paas.engine.metering import count_hours
from paas.engine.platform import Platform
from paas.services import nodes
from paas.store import usage
from paas.store.base import utcnow
from paas.store.commerce import Run
from tests import s3
from tests.api.examples import assert_shown
from tests.api.support import NoGuests, wrote

EXAMPLES = [
    example
    for name in ("users", "administrators")
    for example in json.loads((Path(__file__).parent / "examples" / f"{name}.json").read_text())
]
# Ours are the whole commit, made from the slug and the app's id, and what wrote the line.
FREE = ("git_commit", "subdomain", "source")
APPS = "/api/paas/apps"


@pytest.fixture(autouse=True)
def _started(target: NoGuests) -> None:
    target.wrote = [replace(wrote(1), text="Server started on port 5000")]


@pytest.fixture(autouse=True)
def _worker_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host at the documented address that is made ready without being there."""
    known = nodes.add

    def add(platform: Platform, actor: Any, spec: WorkerSpec) -> Added:
        if spec.ip_address != "192.168.1.102":
            return known(platform, actor, spec)
        assert spec == WorkerSpec(
            "worker-2", spec.ip_address, 22, "root", spec.ssh_key, auto_provision=True
        )
        room = Room(0, 0)
        uuid = "9b1f4c52-3a0d-4f7e-9c61-5d8e2b7a4f03"
        return Added(
            NodeView(uuid, "worker-2", "worker-2", "", "active", room, room, 0, 0, utcnow())
        )

    monkeypatch.setattr(nodes, "add", add)


@pytest.fixture
def plan(client: FlaskClient) -> str:
    """The id of a plan that takes what the document asks of it."""
    found = {one["name"]: one["id"] for one in client.get("/api/paas/plans").json["plans"]}
    change = {"max_replicas": 50}
    assert client.patch(f"/api/admin/paas/plans/{found['Standard']}", json=change).json["plan"]
    return str(found["Standard"])


@pytest.fixture
def places(client: FlaskClient, plan: str) -> dict[str, str]:
    """What stands where the document's paths and bodies have names of their own."""
    (worker,) = client.get("/api/admin/paas/workers").json["workers"]
    return {"APP_ID": "", "PLAN_UUID": plan, "WORKER_ID": worker["id"]}


def say(client: FlaskClient, method: str, path: str, body: Any = None) -> Any:
    answer = client.open(path, method=method, **({} if body is None else {"json": body}))
    assert answer.status_code < 300, answer.text
    return answer.json


def make_app(client: FlaskClient, plan: str) -> str:
    """The document's app: the fifth version of it runs, twice, and has one variable."""
    body = {
        "name": "My App",
        "slug": "my-app",
        "git_url": "https://github.com/user/repo",
        "git_branch": "main",
        "buildpack": "heroku/nodejs",
        "plan_id": plan,
    }
    app_id: str = say(client, "POST", APPS, body)["app"]["id"]
    for _ in range(5):
        say(client, "POST", f"{APPS}/{app_id}/deploy")
    say(client, "POST", f"{APPS}/{app_id}/scale", {"replicas": 2})
    say(client, "PUT", f"{APPS}/{app_id}/env", {"vars": {"DATABASE_URL": "x"}})
    return app_id


def make_stopped_app(client: FlaskClient) -> None:
    body = {"name": "Other", "git_url": "https://github.com/user/repo"}
    app_id = say(client, "POST", APPS, body)["app"]["id"]
    say(client, "POST", f"{APPS}/{app_id}/deploy")
    say(client, "POST", f"{APPS}/{app_id}/stop")


def put_in(value: Any, places: dict[str, str]) -> Any:
    """The value with what stands for the document's own names in it."""
    text = json.dumps(value)
    for name, stands in places.items():
        text = text.replace(name, stands)
    return json.loads(text)


@pytest.fixture
def store(client: FlaskClient) -> Iterator[None]:
    """The documented bucket, and the way to it."""
    with s3.server() as url:
        s3.bucket(url, name="my-paas-builds")
        keys = {"s3_access_key": s3.ACCESS, "s3_secret_key": s3.SECRET, "s3_endpoint": url}
        say(client, "PUT", "/api/admin/paas/settings", {"settings": keys})
        yield


def count_an_hour(core: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """The apps have run for an hour that is over; no other begins while the test looks."""
    with core.store.write() as session:
        now = usage.database_time(session)
        monkeypatch.setattr(usage, "database_time", lambda _session: now)
        before = usage.hour_of(now) - timedelta(hours=1)
        session.execute(update(Run).values(started_at=before))
    assert count_hours(core) == 1


def test_all_endpoints_are_there() -> None:
    asked = {(one["request"]["method"], one["request"]["path"].split("?")[0]) for one in EXAMPLES}
    # Beside these there is the stream.
    assert len(asked) == 30


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["title"])
def test_an_example_of_the_document(
    example: dict[str, Any],
    client: FlaskClient,
    core: Platform,
    places: dict[str, str],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if example.get("apps", 1):
        places["APP_ID"] = make_app(client, places["PLAN_UUID"])
    if example.get("apps") == 2:
        make_stopped_app(client)
    if example.get("suspended"):
        say(client, "POST", f"/api/admin/paas/apps/{places['APP_ID']}/suspend")
    if "usage" in example.get("response", {}):
        count_an_hour(core, monkeypatch)
    sent = put_in(example["request"], places)
    if "storage_type" in str(sent):
        request.getfixturevalue("store")

    body = {"json": sent["body"]} if "body" in sent else {}
    answer = client.open(sent["path"], method=sent["method"], **body)

    assert answer.status_code == example.get("status", 200), answer.text
    assert answer.mimetype == "application/json"
    if "response" not in example:
        assert answer.json
        assert "error" not in answer.json
        return
    given = answer.json
    for name in ("deployments", "plans", "logs"):
        # The document shows one of several.
        if isinstance(given.get(name), list):
            del given[name][1:]
    assert_shown(given, example["response"], FREE)


def test_the_stream(client: FlaskClient, plan: str) -> None:
    app_id = make_app(client, plan)
    say(client, "POST", f"{APPS}/{app_id}/scale", {"replicas": 1})
    answer = client.get(f"{APPS}/{app_id}/logs/stream", buffered=False)
    assert answer.mimetype == "text/event-stream"
    events = (chunk.decode() for chunk in answer.response)
    event = next(one for one in events if "data: " in one)
    answer.close()
    assert event.endswith("\n\n")
    (line,) = [line for line in event.split("\n") if line.startswith("data: ")]
    shown = {"timestamp": "2025-11-09T10:30:45Z", "message": "Log line", "source": "docker"}
    assert_shown(json.loads(line.removeprefix("data: ")), shown, ("message", "source"))
