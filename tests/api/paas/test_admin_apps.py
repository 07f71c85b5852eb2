"""What administrators see and do of everybody's applications.

GET  /api/admin/paas/apps               200 {"apps": [{as in the list, organization}]}
POST /api/admin/paas/apps/{id}/suspend  200 {"message": "Application suspended", "app": {...}}
POST /api/admin/paas/apps/{id}/resume   200 {"message": "Application resumed", "app": {...}}
errors                                  {"error": "..."}
"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.paas.support import DETAIL_KEYS, ROW_KEYS, app_body
from tests.api.support import UUID_OF_NOBODY

PATH = "/api/admin/paas/apps"


def test_the_apps_of_everybody(client: FlaskClient, made: dict[str, Any]) -> None:
    client.post("/api/paas/apps", json=app_body())
    answer = client.get(PATH)
    assert [list(row) for row in answer.json["apps"]] == [[*ROW_KEYS, "organization"]] * 2
    assert {row["organization"] for row in answer.json["apps"]} == {"default"}
    assert answer.json["apps"][1]["id"] == made["id"]
    assert "Link" in client.get(f"{PATH}?limit=1").headers


def test_suspending_and_resuming(client: FlaskClient, running: dict[str, Any]) -> None:
    for verb, word, status in (
        ("suspend", "suspended", "suspended"),
        ("resume", "resumed", "running"),
    ):
        for _ in range(2):
            answer = client.post(f"{PATH}/{running['id']}/{verb}")
            assert answer.status_code == 200
            assert list(answer.json) == ["message", "app"]
            assert answer.json["message"] == f"Application {word}"
            assert list(answer.json["app"]) == DETAIL_KEYS
        assert client.get(f"/api/paas/apps/{running['id']}").json["app"]["status"] == status


def test_a_suspended_app_stays_so(client: FlaskClient, running: dict[str, Any]) -> None:
    client.post(f"{PATH}/{running['id']}/suspend")
    for verb in ("deploy", "start", "stop", "restart"):
        answer = client.post(f"/api/paas/apps/{running['id']}/{verb}")
        assert (answer.status_code, list(answer.json)) == (409, ["error"]), verb
        assert "deployment" not in answer.json["error"]


def test_an_app_that_never_ran(client: FlaskClient, made: dict[str, Any]) -> None:
    answer = client.post(f"{PATH}/{made['id']}/suspend")
    assert answer.json["app"]["status"] == "suspended"
    answer = client.post(f"{PATH}/{made['id']}/resume")
    assert answer.json["app"]["status"] == "inactive"


@pytest.mark.parametrize("verb", ["suspend", "resume"])
@pytest.mark.parametrize("given", [UUID_OF_NOBODY, "x"])
def test_one_that_is_not_there(client: FlaskClient, verb: str, given: str) -> None:
    answer = client.post(f"{PATH}/{given}/{verb}")
    assert (answer.status_code, answer.json) == (404, {"error": "Application not found"})


@pytest.mark.parametrize("verb", ["suspend", "resume"])
def test_a_deleted_one(client: FlaskClient, running: dict[str, Any], verb: str) -> None:
    client.delete(f"/api/paas/apps/{running['id']}")
    answer = client.post(f"{PATH}/{running['id']}/{verb}")
    assert (answer.status_code, answer.json) == (404, {"error": "Application not found"})
