"""Every example of document 001, as it stands there.

``examples/*.json`` hold what is sent and what comes back. The answer has the documented keys and
no others, each with a value of the documented type; below ``exact`` the value itself, and below
``more`` (where the document cuts its example short) further keys.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.support import InstantWorker, body

EXAMPLES = sorted((Path(__file__).parent / "examples").glob("*.json"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_of_the_document(path: Path, client: FlaskClient, worker: InstantWorker) -> None:
    example = json.loads(path.read_text())
    app_id = ""
    for deployment in example.get("deployments", []):
        app_id = make(deployment, client, worker)
    request, wanted = example["request"], example["response"]

    answer = client.open(
        request["path"].format(deployment_id=app_id),
        method=request["method"],
        json=request.get("body"),
    )

    assert answer.status_code == wanted["status"], answer.text
    assert answer.mimetype == "application/json"
    assert_same_shape(answer.json, wanted["body"], wanted.get("more", []))
    for place in wanted["exact"]:
        assert at(answer.json, place) == at(wanted["body"], place), place


def make(deployment: dict[str, Any], client: FlaskClient, worker: InstantWorker) -> str:
    """A deployment in the state that the example needs."""
    fields = {k: v for k, v in deployment.items() if k not in ("fails", "stopped")}
    worker.error = "It did not answer" if deployment.get("fails") else None
    answer = client.post("/api/deploy", json=body(**fields))
    worker.error = None
    app_id = str(answer.json["deployment"]["id"])
    if deployment.get("stopped"):
        assert client.post(f"/api/deployments/{app_id}/stop").status_code == 200
    return app_id


def at(value: Any, place: str) -> Any:
    for key in place.split("."):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def assert_same_shape(given: Any, wanted: Any, more: list[str], place: str = "") -> None:
    assert type(given) is type(wanted), f"{place}: {given!r} is of another type than {wanted!r}"
    if isinstance(wanted, dict):
        extra = set(given) - set(wanted)
        assert not set(wanted) - set(given), f"{place}: keys are missing"
        assert not extra or place in more, f"{place}: undocumented keys {extra}"
        for key, value in wanted.items():
            assert_same_shape(given[key], value, more, f"{place}.{key}".lstrip("."))
    elif isinstance(wanted, list):
        assert len(given) == len(wanted), place
        for number, value in enumerate(wanted):
            assert_same_shape(given[number], value, more, f"{place}.{number}")


def test_the_documented_keys_come_in_the_documented_order(client: FlaskClient) -> None:
    answer = client.post("/api/deploy", json=body())
    assert list(answer.json) == ["success", "message", "deployment"]
    assert list(answer.json["deployment"]) == [
        "id",
        "name",
        "ip_address",
        "vm_id",
        "status",
        "framework",
        "access_url",
    ]
