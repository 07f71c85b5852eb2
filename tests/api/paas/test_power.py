"""How many replicas an application has, and whether they run.

POST /api/paas/apps/{id}/scale    200 {"message": "Application scaled", "replicas": 5}
POST /api/paas/apps/{id}/stop     200 {"message": "Application stopped"}
POST /api/paas/apps/{id}/start    200 {"message": "Application started"}
POST /api/paas/apps/{id}/restart  200 {"message": "Application restarted"}
errors                            {"error": "..."}
"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.support import UUID_OF_NOBODY, InstantWorker


def path(app: dict[str, Any], verb: str) -> str:
    return f"/api/paas/apps/{app['id']}/{verb}"


def shown(client: FlaskClient, app: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/paas/apps/{app['id']}").json["app"]
    return found


@pytest.fixture
def roomy(client: FlaskClient, running: dict[str, Any]) -> dict[str, Any]:
    """A running app whose plan allows five replicas."""
    plan = {
        "name": "Roomy",
        "slug": "roomy",
        "cpu_cores": 1,
        "ram_mb": 512,
        "disk_gb": 10,
        "max_replicas": 5,
        "price_per_hour": 0.01,
        "features": {},
    }
    answer = client.post("/api/admin/paas/plans", json=plan)
    assert answer.status_code == 201, answer.text
    change = {"plan_id": answer.json["plan"]["id"]}
    answer = client.patch(f"/api/paas/apps/{running['id']}", json=change)
    assert answer.status_code == 200, answer.text
    return running


def test_scaling(client: FlaskClient, roomy: dict[str, Any]) -> None:
    for replicas in (5, 2):
        answer = client.post(path(roomy, "scale"), json={"replicas": replicas})
        assert (answer.status_code, answer.json) == (
            200,
            {"message": "Application scaled", "replicas": replicas},
        )
        assert list(answer.json) == ["message", "replicas"]
        assert shown(client, roomy)["replicas"] == replicas
        assert client.get("/api/paas/apps").json["apps"][0]["replicas"] == replicas


def test_scaling_beyond_the_plan(client: FlaskClient, roomy: dict[str, Any]) -> None:
    answer = client.post(path(roomy, "scale"), json={"replicas": 6})
    assert answer.status_code == 400
    assert answer.json == {
        "error": "Invalid replicas. The plan Roomy allows at most 5, and this would be 6"
    }
    assert shown(client, roomy)["replicas"] == 1


REPLICAS = "Invalid replicas. Must be a whole number, 1-100"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        *(
            ({"replicas": given}, REPLICAS)
            for given in (0, -1, 101, "3", 1.5, True, None, 10**30, [3])
        ),
        ({}, REPLICAS),
        ({"replicas": 1, "count": 2}, "Unknown field 'count'"),
    ],
)
def test_numbers_that_are_none(
    client: FlaskClient, running: dict[str, Any], body: dict[str, Any], sentence: str
) -> None:
    answer = client.post(path(running, "scale"), json=body)
    assert (answer.status_code, answer.json) == (400, {"error": sentence})


def test_scaling_needs_a_body(client: FlaskClient, running: dict[str, Any]) -> None:
    answer = client.post(path(running, "scale"))
    assert answer.status_code == 415
    answer = client.post(path(running, "scale"), data="", content_type="application/json")
    assert answer.status_code == 400
    assert list(answer.json) == ["error"]


def test_stopping_and_starting(client: FlaskClient, running: dict[str, Any]) -> None:
    for verb, status in (("stop", "stopped"), ("start", "running"), ("restart", "running")):
        answer = client.post(path(running, verb))
        word = {"stop": "stopped", "start": "started", "restart": "restarted"}[verb]
        assert (answer.status_code, answer.json) == (200, {"message": f"Application {word}"})
        assert shown(client, running)["status"] == status


@pytest.mark.parametrize("verb", ["stop", "start", "restart"])
def test_one_that_was_never_deployed(client: FlaskClient, made: dict[str, Any], verb: str) -> None:
    answer = client.post(path(made, verb))
    assert answer.status_code == 409
    wanted = "stopped" if verb == "start" else "running"
    assert answer.json == {"error": f"Only a {wanted} application can {verb}; this one is inactive"}


def test_a_busy_one(client: FlaskClient, running: dict[str, Any], worker: InstantWorker) -> None:
    worker.asleep = True
    assert client.post(path(running, "stop")).status_code == 200
    for verb in ("stop", "restart", "deploy"):
        answer = client.post(path(running, verb))
        assert (answer.status_code, answer.json) == (
            409,
            {"error": "This application is busy (stop). Try again when it has ended"},
        )


@pytest.mark.parametrize("verb", ["scale", "stop", "start", "restart"])
@pytest.mark.parametrize("given", [UUID_OF_NOBODY, "x"])
def test_one_that_is_not_there(client: FlaskClient, verb: str, given: str) -> None:
    body = {"json": {"replicas": 1}} if verb == "scale" else {}
    answer = client.post(path({"id": given}, verb), **body)
    assert (answer.status_code, answer.json) == (404, {"error": "Application not found"})
