"""Versions of an application.

POST /api/paas/apps/{id}/deploy       200 {"message": "Deployment started", "appId": "..."}
GET  /api/paas/apps/{id}/deployments  200 {"deployments": [{id, version, git_commit, ...}]}
POST /api/paas/apps/{id}/rollback     200 {"message": "Rollback initiated", "version": 3}
errors                                {"error": "..."}
"""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.paas.support import ATTEMPT_KEYS, TIME
from tests.api.support import UUID_OF_NOBODY, InstantWorker

SHA = "8f14e45fceea167a5a36dedd4bea2543c1f1c3aa"


def path(app: dict[str, Any], verb: str) -> str:
    return f"/api/paas/apps/{app['id']}/{verb}"


def attempts(client: FlaskClient, app: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(path(app, "deployments")).json["deployments"]
    return found


def test_a_deployment_needs_no_body(client: FlaskClient, made: dict[str, Any]) -> None:
    answer = client.post(path(made, "deploy"))
    assert answer.status_code == 200
    assert answer.json == {"message": "Deployment started", "appId": made["id"]}
    assert list(answer.json) == ["message", "appId"]
    app = client.get(f"/api/paas/apps/{made['id']}").json["app"]
    assert app["status"] == "running"


def test_the_answer_comes_when_the_work_is_on_record(
    client: FlaskClient, made: dict[str, Any], worker: InstantWorker
) -> None:
    worker.asleep = True
    assert client.post(path(made, "deploy"), json={}).status_code == 200
    app = client.get(f"/api/paas/apps/{made['id']}").json["app"]
    assert app["status"] == "deploying"
    (attempt,) = attempts(client, made)
    assert attempt["status"] == "pending"
    assert attempt["version"] is attempt["deployed_at"] is attempt["build_started_at"] is None
    answer = client.post(path(made, "deploy"))
    assert answer.status_code == 409
    assert answer.json == {
        "error": "This application is busy (deploy). Try again when it has ended"
    }


def test_every_attempt_is_listed_newest_first(
    client: FlaskClient, running: dict[str, Any], worker: InstantWorker
) -> None:
    client.post(path(running, "deploy"), json={"git_commit": "abc123def"})
    worker.error = "the build failed"
    client.post(path(running, "deploy"), json={"git_commit": "abcd"})
    found = attempts(client, running)
    assert [list(attempt) for attempt in found] == [ATTEMPT_KEYS] * 3
    assert [attempt["status"] for attempt in found] == ["failed", "deployed", "deployed"]
    assert [attempt["version"] for attempt in found] == [None, 2, 1]
    assert [attempt["git_commit"] for attempt in found] == ["abcd", SHA, SHA]
    for key in ("build_started_at", "build_completed_at", "deployed_at"):
        assert re.fullmatch(TIME, found[1][key])
    assert found[0]["deployed_at"] is None


def test_a_long_list_goes_on_by_its_link(client: FlaskClient, running: dict[str, Any]) -> None:
    for _ in range(4):
        client.post(path(running, "deploy"))
    answer = client.get(path(running, "deployments?limit=2"))
    versions = [attempt["version"] for attempt in answer.json["deployments"]]
    while "Link" in answer.headers:
        (following,) = re.findall(r'^<(/[^>]+)>; rel="next"$', answer.headers["Link"])
        answer = client.get(following)
        versions += [attempt["version"] for attempt in answer.json["deployments"]]
    assert versions == [5, 4, 3, 2, 1]


COMMIT = "Invalid git_commit. Must be 4-40 hexadecimal digits"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        *(
            ({"git_commit": given}, COMMIT)
            for given in (
                "",
                "abc",
                "g" * 8,
                "a" * 41,
                "abcd\n",
                "--upload-pack",
                7,
                None,
                ["abcd"],
            )
        ),
        ({"commit": "abcd"}, "Unknown field 'commit'"),
    ],
)
def test_a_commit_that_is_none(
    client: FlaskClient, made: dict[str, Any], body: dict[str, Any], sentence: str
) -> None:
    answer = client.post(path(made, "deploy"), json=body)
    assert (answer.status_code, answer.json) == (400, {"error": sentence})
    assert attempts(client, made) == []


def test_a_rollback(client: FlaskClient, running: dict[str, Any]) -> None:
    client.post(path(running, "deploy"))
    answer = client.post(path(running, "rollback"), json={"version": 1})
    assert answer.status_code == 200
    assert answer.json == {"message": "Rollback initiated", "version": 1}
    assert list(answer.json) == ["message", "version"]
    assert [attempt["version"] for attempt in attempts(client, running)] == [1, 2, 1]


def test_a_rollback_that_cannot_be(client: FlaskClient, running: dict[str, Any]) -> None:
    answer = client.post(path(running, "rollback"), json={"version": 3})
    assert answer.status_code == 400
    assert answer.json["error"].startswith("Invalid version.")
    answer = client.post(path(running, "rollback"), json={"version": 1})
    assert answer.status_code == 409
    assert list(answer.json) == ["error"]


VERSION = "Invalid version. Must be the number of a deployment's version"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        *(
            ({"version": given}, VERSION)
            for given in (0, -1, "1", 1.5, True, None, 2**31, 10**30, [1])
        ),
        ({}, VERSION),
        ({"version": 1, "force": "yes"}, "Invalid force. Must be true or false"),
        ({"version": 1, "force": 1}, "Invalid force. Must be true or false"),
        ({"version": 1, "to": 2}, "Unknown field 'to'"),
    ],
)
def test_a_version_that_is_none(
    client: FlaskClient, running: dict[str, Any], body: dict[str, Any], sentence: str
) -> None:
    answer = client.post(path(running, "rollback"), json=body)
    assert (answer.status_code, answer.json) == (400, {"error": sentence})


@pytest.mark.parametrize("verb", ["deploy", "rollback", "deployments"])
@pytest.mark.parametrize("given", [UUID_OF_NOBODY, "x"])
def test_one_that_is_not_there(client: FlaskClient, verb: str, given: str) -> None:
    method = "GET" if verb == "deployments" else "POST"
    body = {"json": {"version": 1}} if verb == "rollback" else {}
    answer = client.open(path({"id": given}, verb), method=method, **body)
    assert (answer.status_code, answer.json) == (404, {"error": "Application not found"})
