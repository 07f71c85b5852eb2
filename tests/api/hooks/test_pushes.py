"""Pushes deploy, and only those of who knows the secret.

The envelope is the common one: {"success": true, "message": "...", "deploys": true}.
"""

import hmac
import json
from hashlib import sha256
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder, TestResponse

from paas.api.hooks import LARGEST_PUSH
from paas.engine import pushes as waiting
from paas.engine.platform import Platform
from paas.store.models import Deployment
from paas.store.people import AuditEntry
from tests.api.paas.support import app_body
from tests.api.support import TOKEN

SHA = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
HOSTS = ("GitHub", "Gitea", "Forgejo", "GitLab")


@pytest.fixture
def owner(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    return client


@pytest.fixture
def made(owner: FlaskClient) -> dict[str, Any]:
    """An app that follows ``main`` and takes pushes."""
    app = owner.post("/api/paas/apps", json=app_body(git_branch="main")).json["app"]
    answer = owner.post(f"/api/paas/apps/{app['id']}/webhook")
    assert answer.status_code == 200
    return {**app, **answer.json}


def payload(**changes: Any) -> dict[str, Any]:
    return {
        "ref": "refs/heads/main",
        "after": SHA,
        "repository": {"default_branch": "main"},
        "project": {"default_branch": "main"},
        "pusher": {"login": "ada", "name": "ada"},
        **changes,
    }


def headers_of(host: str, secret: str, body: bytes, event: str = "") -> dict[str, str]:
    mark = hmac.new(secret.encode(), body, sha256).hexdigest()
    return {
        "GitHub": {"X-GitHub-Event": event or "push", "X-Hub-Signature-256": f"sha256={mark}"},
        # It sends GitHub's headers too.
        "Gitea": {
            "X-GitHub-Event": event or "push",
            "X-Gitea-Event": event or "push",
            "X-Gitea-Signature": mark,
        },
        "Forgejo": {"X-Forgejo-Event": event or "push", "X-Forgejo-Signature": mark},
        "GitLab": {"X-Gitlab-Event": event or "Push Hook", "X-Gitlab-Token": secret},
    }[host]


def send(
    client: FlaskClient,
    made: dict[str, Any],
    *,
    host: str = "GitHub",
    secret: str = "",
    event: str = "",
    **changes: Any,
) -> TestResponse:
    body = json.dumps(payload(**changes)).encode()
    headers = headers_of(host, secret or made["secret"], body, event)
    return client.post(made["path"], data=body, headers=headers, content_type="application/json")


def attempts(core: Platform) -> list[Deployment]:
    with core.store.read() as session:
        return list(session.query(Deployment).order_by(Deployment.id))


@pytest.mark.parametrize("host", HOSTS)
def test_a_push_deploys_its_commit(
    client: FlaskClient, core: Platform, made: dict[str, Any], host: str
) -> None:
    answer = send(client, made, host=host)
    assert answer.status_code == 202, answer.text
    assert answer.json == {
        "success": True,
        "message": f"Commit {SHA[:12]} is being deployed",
        "deploys": True,
    }
    (attempt,) = attempts(core)
    assert (attempt.ref, attempt.triggered_by) == (SHA, "push by ada")


@pytest.mark.parametrize("host", HOSTS)
def test_a_push_with_another_secret_is_refused(
    client: FlaskClient, core: Platform, made: dict[str, Any], host: str
) -> None:
    answer = send(client, made, host=host, secret="another")
    assert (answer.status_code, attempts(core)) == (401, [])


def test_a_body_that_was_changed_is_refused(
    client: FlaskClient, core: Platform, made: dict[str, Any]
) -> None:
    headers = headers_of("GitHub", made["secret"], b'{"ref": "refs/heads/main"}')
    answer = client.post(made["path"], json=payload(), headers=headers)
    assert (answer.status_code, attempts(core)) == (401, [])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-GitHub-Event": "push"},
        {"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256="},
        {"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha1=abc"},
        {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": ""},
    ],
)
def test_an_unsigned_push_is_refused(
    client: FlaskClient, core: Platform, made: dict[str, Any], headers: dict[str, str]
) -> None:
    answer = client.post(made["path"], json=payload(), headers=headers)
    assert answer.status_code in (400, 401)
    assert attempts(core) == []


def test_an_app_that_is_not_there_is_refused_in_the_same_words(
    client: FlaskClient, made: dict[str, Any]
) -> None:
    wrong = send(client, made, secret="another")
    nobody = {**made, "path": "/api/hooks/push/00000000-0000-4000-8000-000000000000"}
    strange = {**made, "path": "/api/hooks/push/what"}
    for other in (nobody, strange):
        answer = send(client, other)
        assert (answer.status_code, answer.json) == (401, wrong.json)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ref": "refs/heads/other"}, "follows the branch main, not other"),
        ({"ref": "refs/tags/v1"}, "A tag was pushed"),
        ({"after": "0" * 40}, "The branch main was removed"),
        ({"event": "ping"}, "This is where pushes are taken"),
    ],
)
def test_what_is_no_push_to_the_branch_deploys_nothing(
    client: FlaskClient, core: Platform, made: dict[str, Any], changes: dict[str, Any], says: str
) -> None:
    answer = send(client, made, **changes)
    assert (answer.status_code, answer.json["deploys"]) == (200, False)
    assert says in answer.json["message"]
    assert attempts(core) == []


@pytest.mark.parametrize("changes", [{"ref": 7}, {"after": "HEAD"}, {"after": "--upload-pack"}])
def test_a_payload_that_says_nothing_is_refused(
    client: FlaskClient, core: Platform, made: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert send(client, made, **changes).status_code == 400
    assert attempts(core) == []


def test_a_rollback_or_the_user_switches_it_off(
    client: FlaskClient, owner: FlaskClient, core: Platform, made: dict[str, Any]
) -> None:
    owner.patch(f"/api/paas/apps/{made['id']}", json={"auto_deploy": False})
    answer = send(client, made)
    assert (answer.status_code, answer.json["deploys"]) == (200, False)
    assert owner.delete(f"/api/paas/apps/{made['id']}/webhook").status_code == 200
    assert send(client, made).status_code == 401
    assert attempts(core) == []


def test_a_new_secret_ends_the_one_before(
    client: FlaskClient, owner: FlaskClient, made: dict[str, Any]
) -> None:
    owner.post(f"/api/paas/apps/{made['id']}/webhook")
    assert send(client, made).status_code == 401


def test_the_last_push_to_a_busy_app_is_deployed_when_it_is_free(
    client: FlaskClient, core: Platform, made: dict[str, Any]
) -> None:
    core.queue.asleep = True
    send(client, made)
    for sha in ("1" * 40, "2" * 40):
        answer = send(client, made, after=sha)
        assert (answer.status_code, answer.json["deploys"]) == (202, True)
    waiting.begin_waiting(core)
    assert [attempt.ref for attempt in attempts(core)] == [SHA]
    core.queue.finish(1)
    waiting.begin_waiting(core)
    waiting.begin_waiting(core)
    assert [attempt.ref for attempt in attempts(core)] == [SHA, "2" * 40]


def test_the_secret_is_kept_sealed_and_its_making_is_on_record(
    core: Platform, made: dict[str, Any]
) -> None:
    database = (core.settings.instance / "paas.db").read_bytes()
    assert made["secret"].encode() not in database
    with core.store.read() as session:
        actions = [entry.action for entry in session.query(AuditEntry)]
    assert "push.enable" in actions


def test_a_push_of_many_commits_deploys(
    client: FlaskClient, core: Platform, made: dict[str, Any]
) -> None:
    commits = [{"id": SHA, "message": "x" * 1000}] * 2048
    assert send(client, made, commits=commits).status_code == 202
    assert len(attempts(core)) == 1


@pytest.mark.parametrize("is_told", [True, False])
def test_a_push_is_not_endless(
    client: FlaskClient, core: Platform, made: dict[str, Any], is_told: bool
) -> None:
    body = b" " * (LARGEST_PUSH + 1)
    headers = headers_of("GitHub", made["secret"], body)
    environ = (
        {} if is_told else {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    )
    builder = EnvironBuilder(path=made["path"], method="POST", data=body, headers=headers)
    environ = builder.get_environ()
    if not is_told:
        del environ["CONTENT_LENGTH"]
        environ["wsgi.input_terminated"] = True
    answer = client.open(environ)
    assert (answer.status_code, attempts(core)) == (413, [])
    assert "5120 KB" in answer.json["error"]
