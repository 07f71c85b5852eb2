"""GET /api/reconcile, POST /api/reconcile
                                200 {"success": true, "guests": [{kind, endpoint, vmid, ...}]}
POST /api/guests/{vmid}/adopt   200 {"success": true, "message": "...", "deployment": {...}}
POST /api/guests/{vmid}/remove  200 {"success": true, "message": "...", "guest": {...}}
400 {"success": false, "errors": [...]}; 404, 409, 503 {"success": false, "error": "..."}
"""

from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from paas.domain.specs import Resources
from paas.engine.platform import Platform
from paas.targets.contract import Standing
from tests.api.support import NoGuests

ABOUT = {"name": "found", "framework": "flask", "repository": "https://github.com/acme/found"}
KEYS = ["kind", "endpoint", "vmid", "node", "name", "says", "mend"]


@pytest.fixture
def stray(core: Platform, target: NoGuests) -> Standing:
    """A guest with our marker that no row speaks for."""
    return stand(core, target, ABOUT)


def stand(core: Platform, target: NoGuests, about: Mapping[str, str]) -> Standing:
    marker = f"{core.installation}/6f1c0d2e-0000-4000-8000-000000000001"
    found = Standing(
        endpoint="local",
        node="pve1",
        vmid=100777,
        name="found-6f1c0d2e",
        marker=marker,
        resources=Resources(1, 512, 8),
        about=about,
    )
    target.stands = [found]
    return found


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_on_the_books(client: FlaskClient, stray: Standing, method: str) -> None:
    answer = client.open("/api/reconcile", method=method)
    assert answer.status_code == 200
    (found,) = answer.json["guests"]
    assert list(found) == KEYS
    assert (found["kind"], found["vmid"], found["node"]) == ("unknown", stray.vmid, "pve1")
    assert "100777" in found["mend"]


def test_nothing_is_amiss(client: FlaskClient) -> None:
    assert client.get("/api/reconcile").json == {"success": True, "guests": []}


@pytest.mark.parametrize("sent", [None, {}, {"endpoint": "local"}])
def test_a_guest_becomes_a_deployment(
    client: FlaskClient, stray: Standing, sent: dict[str, str] | None
) -> None:
    answer = client.post(f"/api/guests/{stray.vmid}/adopt", json=sent)
    assert answer.status_code == 200, answer.text
    adopted = answer.json["deployment"]
    assert list(adopted) == ["id", "name", "status"]
    shown = client.get(f"/api/deployments/{adopted['id']}").json["deployment"]
    assert (shown["name"], shown["vm_id"], shown["node"]) == ("found", stray.vmid, "pve1")
    assert client.get("/api/reconcile").json["guests"] == []
    assert client.post(f"/api/guests/{stray.vmid}/adopt").status_code == 404


def test_a_guest_that_does_not_say_what_it_is(
    client: FlaskClient, core: Platform, target: NoGuests
) -> None:
    stand(core, target, {})
    answer = client.post("/api/guests/100777/adopt")
    assert answer.status_code == 409
    assert list(answer.json) == ["success", "error"]


def test_a_guest_is_removed(client: FlaskClient, target: NoGuests, stray: Standing) -> None:
    answer = client.post(f"/api/guests/{stray.vmid}/remove")
    assert (answer.status_code, answer.json["message"]) == (200, "The guest is removed")
    assert list(answer.json["guest"]) == KEYS
    assert target.stands == []


@pytest.mark.parametrize("verb", ["adopt", "remove"])
def test_a_guest_of_a_deployment_is_not_to_be_had(
    client: FlaskClient, deployed: dict[str, Any], verb: str
) -> None:
    answer = client.post(f"/api/guests/{deployed['vm_id']}/{verb}")
    assert answer.status_code == 404
    assert list(answer.json) == ["success", "error"]


@pytest.mark.parametrize("verb", ["adopt", "remove"])
@pytest.mark.parametrize("vmid", ["7", "0100", "x", "-1", "1234567890", "100\u0660", "1e5"])
def test_numbers_that_are_none(client: FlaskClient, vmid: str, verb: str) -> None:
    answer = client.post(f"/api/guests/{vmid}/{verb}")
    assert (answer.status_code, answer.json["error"]) == (404, "Guest not found")


@pytest.mark.parametrize("verb", ["adopt", "remove"])
@pytest.mark.parametrize("sent", [{"endpoint": ""}, {"endpoint": "a b"}, {"vmid": 1}, []])
def test_a_body_that_breaks_rules(
    client: FlaskClient, stray: Standing, sent: object, verb: str
) -> None:
    answer = client.post(f"/api/guests/{stray.vmid}/{verb}", json=sent)
    assert answer.status_code == 400
    assert list(answer.json) == ["success", "errors"]


@pytest.mark.parametrize("verb", ["adopt", "remove"])
def test_another_endpoint_has_no_such_guest(
    client: FlaskClient, stray: Standing, verb: str
) -> None:
    path = f"/api/guests/{stray.vmid}/{verb}"
    assert client.post(path, json={"endpoint": "elsewhere"}).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/reconcile"),
        ("POST", "/api/reconcile"),
        ("POST", "/api/guests/100777/adopt"),
        ("POST", "/api/guests/100777/remove"),
    ],
)
def test_a_place_that_does_not_answer(
    client: FlaskClient, target: NoGuests, method: str, path: str
) -> None:
    target.away = "Proxmox at https://pve.example.com:8006 does not answer"
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.json) == (503, {"success": False, "error": target.away})


def test_an_unknown_path_below(client: FlaskClient) -> None:
    for path in ("/api/guests", "/api/guests/100777", "/api/reconcile/now"):
        answer = client.get(path)
        assert answer.status_code in (404, 405)
        assert list(answer.json) == ["success", "error"]
