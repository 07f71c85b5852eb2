"""GET /api/deployments                200 {"success": true, "deployments": [...]}
GET /api/deployments/{id}           200 {"success": true, "deployment": {...}}
DELETE /api/deployments/{id}        200 {"success": true, "message": "Deployment deleted ..."}
                                    202 {"success": true, "message": ..., "deployment": {...}}
400 {"success": false, "errors": [...]}   else {"success": false, "error": "..."}
"""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.support import UUID_OF_NOBODY, InstantWorker, body

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MISSING = {"success": False, "error": "Deployment not found"}


def make(client: FlaskClient, count: int) -> list[str]:
    """Deployments, oldest first."""
    return [client.post("/api/deploy", json=body()).json["deployment"]["id"] for _ in range(count)]


def ids(answer: Any) -> list[str]:
    return [found["id"] for found in answer.json["deployments"]]


def test_an_empty_list(client: FlaskClient) -> None:
    answer = client.get("/api/deployments")
    assert (answer.status_code, answer.json) == (200, {"success": True, "deployments": []})
    assert "Link" not in answer.headers


def test_the_newest_comes_first(client: FlaskClient) -> None:
    made = make(client, 3)
    answer = client.get("/api/deployments")
    assert ids(answer) == made[::-1]
    assert TIME.fullmatch(answer.json["deployments"][0]["created_at"])
    assert TIME.fullmatch(answer.json["deployments"][0]["deployed_at"])


def test_pages_follow_the_link(client: FlaskClient) -> None:
    made = make(client, 5)
    path, seen = "/api/deployments?limit=2&status=running", []
    for _ in range(3):
        answer = client.get(path)
        seen += ids(answer)
        link = re.fullmatch(r'<(/[^>]+)>; rel="next"', answer.headers.get("Link", ""))
        path = link[1] if link else ""
        assert not path or "status=running" in path
    assert seen == made[::-1]
    assert path == ""


def test_searching_and_states(client: FlaskClient, worker: InstantWorker) -> None:
    client.post("/api/deploy", json=body(name="shop-front"))
    worker.error = "no"
    client.post("/api/deploy", json=body(name="shop-back"))
    assert len(ids(client.get("/api/deployments?search=SHOP"))) == 2
    assert len(ids(client.get("/api/deployments?search=back"))) == 1
    assert len(ids(client.get("/api/deployments?search=%25"))) == 0
    assert len(ids(client.get("/api/deployments?status=failed"))) == 1
    assert len(ids(client.get("/api/deployments?status=running&search=front"))) == 1


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=1.0",
        "limit=-1",
        "limit=+1",
        "limit=",
        "limit=1&limit=2",
        "status=deleted",
        "status=",
        "cursor=%00",
        "cursor=abc",
        "cursor=99999999999999999999999",
        "search=",
        "search=%00",
        f"search={'x' * 101}",
        "page=2",
    ],
)
def test_queries_that_break_rules(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/api/deployments?{query}")
    assert answer.status_code == 400
    assert set(answer.json) == {"success", "errors"}
    assert len(answer.json["errors"]) == 1


def test_every_broken_parameter_is_told(client: FlaskClient) -> None:
    answer = client.get("/api/deployments?limit=0&status=x&page=1")
    assert [sentence.split(".")[0] for sentence in answer.json["errors"]] == [
        "Invalid limit",
        "Invalid status",
        "Unknown query parameter 'page'",
    ]


def test_one_deployment(client: FlaskClient, deployed: dict[str, Any]) -> None:
    found = client.get(f"/api/deployments/{deployed['id']}").json["deployment"]
    assert list(found) == [
        *("id", "name", "deployment_type", "framework", "github_url", "resources", "status"),
        *("created_at", "deployed_at", "ip_address", "vm_id", "error_message"),
        *("access_url", "port", "branch", "commit", "release", "operation", "step"),
        "node",
    ]
    assert found["access_url"] == f"http://{found['ip_address']}:{found['port']}"
    assert (found["release"], found["operation"], found["step"]) == (1, None, None)


def test_what_a_busy_one_is_doing(client: FlaskClient, worker: InstantWorker) -> None:
    worker.asleep = True
    answer = client.post("/api/deploy", json=body(), headers={"Prefer": "respond-async"})
    found = client.get(answer.headers["Location"]).json["deployment"]
    assert (found["status"], found["operation"]) == ("pending", "deploy")
    assert (found["deployed_at"], found["access_url"], found["commit"]) == (None, None, None)


NOBODY = [UUID_OF_NOBODY, "1", "x", "%00", "..%2f..", UUID_OF_NOBODY + "0", "'%20or%201=1"]


@pytest.mark.parametrize("app_id", NOBODY)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_one_that_is_not_there(client: FlaskClient, app_id: str, method: str) -> None:
    answer = client.open(f"/api/deployments/{app_id}", method=method)
    assert answer.status_code == 404
    assert answer.json["success"] is False
    if "/" not in app_id and "%2f" not in app_id:
        assert answer.json == MISSING


def test_an_id_in_capitals_is_the_same(client: FlaskClient, deployed: dict[str, Any]) -> None:
    assert client.get(f"/api/deployments/{deployed['id'].upper()}").status_code == 200


def test_a_deleted_one_leaves_the_list_and_is_still_there(
    client: FlaskClient, deployed: dict[str, Any]
) -> None:
    path = f"/api/deployments/{deployed['id']}"
    done = {"success": True, "message": "Deployment deleted successfully"}
    answer = client.delete(path)
    assert (answer.status_code, answer.json) == (200, done)
    found = client.get(path).json["deployment"]
    assert (found["status"], found["access_url"]) == ("deleted", None)
    assert ids(client.get("/api/deployments")) == []
    assert client.get("/api/stats").json["stats"]["total_deployments"] == 0
    again = client.delete(path)
    assert (again.status_code, again.json) == (200, done)


@pytest.mark.parametrize("prefer", ["respond-async", "wait=0", ""])
def test_a_deletion_that_takes_long(
    client: FlaskClient, deployed: dict[str, Any], worker: InstantWorker, prefer: str
) -> None:
    worker.asleep = True
    path = f"/api/deployments/{deployed['id']}"
    answer = client.delete(path, headers={"Prefer": prefer})
    assert answer.status_code == 202
    assert answer.json["message"] == "Deletion accepted"
    assert answer.json["deployment"]["id"] == deployed["id"]
    assert answer.headers["Location"] == path


def test_deleting_one_that_nobody_has_begun(client: FlaskClient, worker: InstantWorker) -> None:
    worker.asleep = True
    answer = client.post("/api/deploy", json=body(), headers={"Prefer": "respond-async"})
    worker.asleep = False
    answer = client.delete(answer.headers["Location"])
    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
def test_methods_that_there_are_not(client: FlaskClient, method: str) -> None:
    answer = client.open(f"/api/deployments/{UUID_OF_NOBODY}", method=method)
    assert answer.status_code == 405
    assert set(answer.json) == {"success", "error"}
    assert "GET" in answer.headers["Allow"]
