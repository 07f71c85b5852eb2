"""GET /api/deployments/{id}/drift   200 {"success": true, "drift": {target, vmid, node,
                                          "differences": [{name, wanted, found}, ...]}}
POST /api/deployments/{id}/drift  {"answer": "adopt" | "repair"}: waits like stop and start
409, 503  {"success": false, "error": "..."}
"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from paas.domain.views import Difference
from paas.engine.platform import Platform
from paas.store.models import Operation
from tests.api.support import UUID_OF_NOBODY, InstantWorker, NoGuests


def path(deployed: dict[str, Any]) -> str:
    return f"/api/deployments/{deployed['id']}/drift"


def test_what_differs(client: FlaskClient, deployed: dict[str, Any], target: NoGuests) -> None:
    drift = client.get(path(deployed)).json["drift"]
    assert set(drift) == {"target", "vmid", "node", "differences"}
    assert (drift["target"], drift["vmid"], drift["differences"]) == ("local", 100000, [])
    target.unlike = [Difference("memory", "2048", "4096"), Difference("node", "pve1", "pve2")]
    assert client.get(path(deployed)).json["drift"]["differences"] == [
        {"name": "memory", "wanted": "2048", "found": "4096"},
        {"name": "node", "wanted": "pve1", "found": "pve2"},
    ]


@pytest.mark.parametrize(
    ("answer", "message"),
    [("adopt", "The guest was taken as it is"), ("repair", "The guest is as it should be")],
)
def test_the_two_answers(
    client: FlaskClient, core: Platform, deployed: dict[str, Any], answer: str, message: str
) -> None:
    answered = client.post(path(deployed), json={"answer": answer})
    assert (answered.status_code, answered.json["message"]) == (200, message)
    assert answered.json["deployment"]["id"] == deployed["id"]
    with core.store.read() as session:
        newest = session.query(Operation).order_by(Operation.id.desc()).first()
        assert newest is not None
        assert newest.kind == answer


@pytest.mark.parametrize("sent", [None, {}, {"answer": "ignore"}, {"answer": 1}, {"repair": True}])
def test_an_answer_that_is_none(
    client: FlaskClient, deployed: dict[str, Any], sent: object
) -> None:
    answer = client.post(path(deployed), json=sent)
    assert answer.status_code in (400, 415)
    if sent is not None:
        assert "Invalid answer. Must be 'adopt' or 'repair'" in answer.json["errors"]


def test_a_busy_deployment(
    client: FlaskClient, deployed: dict[str, Any], worker: InstantWorker
) -> None:
    worker.asleep = True
    first = client.post(
        path(deployed), json={"answer": "repair"}, headers={"Prefer": "respond-async"}
    )
    assert (first.status_code, first.json["message"]) == (202, "Repair accepted")
    assert first.headers["Location"] == f"/api/deployments/{deployed['id']}"
    again = client.post(path(deployed), json={"answer": "adopt"})
    assert again.status_code == 409
    assert "busy (repair)" in again.json["error"]


def test_a_repair_that_fails(
    client: FlaskClient, deployed: dict[str, Any], worker: InstantWorker
) -> None:
    worker.error = "the guest is gone; redeploy makes a new one"
    answer = client.post(path(deployed), json={"answer": "repair"})
    assert (answer.status_code, answer.json["errors"]) == (500, [worker.error])


def test_a_place_that_does_not_answer(
    client: FlaskClient, deployed: dict[str, Any], target: NoGuests
) -> None:
    target.away = "Proxmox at https://pve.example.com:8006 does not answer"
    answer = client.get(path(deployed))
    assert answer.status_code == 503
    assert answer.json == {"success": False, "error": target.away}


def test_one_without_a_guest(client: FlaskClient, deployed: dict[str, Any]) -> None:
    client.delete(f"/api/deployments/{deployed['id']}")
    assert client.post(path(deployed), json={"answer": "repair"}).status_code == 409


def test_one_that_is_not_there(client: FlaskClient) -> None:
    gone = path({"id": UUID_OF_NOBODY})
    for answer in (client.get(gone), client.post(gone, json={"answer": "adopt"})):
        assert (answer.status_code, answer.json["error"]) == (404, "Deployment not found")
