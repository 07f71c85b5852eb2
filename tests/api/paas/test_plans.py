"""Plans of document 000.

GET    /api/paas/plans             200 {"plans": [{id, name, slug, ..., features}]}
GET    /api/admin/paas/plans       200 {"plans": [{the same, placement, is_active, ...}]}
POST   /api/admin/paas/plans       201 {"plan": {in full}}
PATCH  /api/admin/paas/plans/{id}  200 {"plan": {in full}}
DELETE /api/admin/paas/plans/{id}  200 {"message": "Plan deleted", "plan": {in full}}
errors                             {"error": "..."}
"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from paas.services.plan_rules import SENTENCES
from tests.api.paas.support import app_body
from tests.api.support import UUID_OF_NOBODY

PATH = "/api/admin/paas/plans"
OF_USERS = [
    "id",
    "name",
    "slug",
    "cpu_cores",
    "ram_mb",
    "disk_gb",
    "max_replicas",
    "price_per_hour",
    "price_per_month",
    "features",
]
IN_FULL = [*OF_USERS, "placement", "is_active", "created_at", "updated_at"]
# Word for word as the document has them.
HOBBY = """{"name": "Hobby", "slug": "hobby", "cpu_cores": 0.5, "ram_mb": 512, "disk_gb": 10,
"max_replicas": 1, "price_per_hour": 0.0069, "price_per_month": 5.00,
"features": {"custom_domain": false, "auto_scaling": false, "ssl": true}}"""
ENTERPRISE = """{
  "name": "Enterprise",
  "slug": "enterprise",
  "cpu_cores": 8,
  "ram_mb": 16384,
  "disk_gb": 200,
  "max_replicas": 50,
  "price_per_hour": 0.50,
  "features": {
    "custom_domain": true,
    "auto_scaling": true,
    "ssl": true,
    "priority_support": true,
    "dedicated_resources": true
  }
}"""


@pytest.fixture
def enterprise(client: FlaskClient) -> dict[str, Any]:
    answer = client.post(PATH, data=ENTERPRISE, content_type="application/json")
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json["plan"]
    return found


def test_the_documented_plan_is_offered_to_the_letter(client: FlaskClient) -> None:
    answer = client.get("/api/paas/plans")
    assert answer.status_code == 200
    assert list(answer.json) == ["plans"]
    hobby = answer.json["plans"][0]
    assert list(hobby) == OF_USERS
    assert {name: hobby[name] for name in OF_USERS[1:]} == client.application.json.loads(HOBBY)
    assert '"price_per_hour":0.0069' in answer.text.replace(" ", "")


def test_the_documented_plan_is_created(client: FlaskClient, enterprise: dict[str, Any]) -> None:
    given = client.application.json.loads(ENTERPRISE)
    assert list(enterprise) == IN_FULL
    assert {name: enterprise[name] for name in given} == given
    assert isinstance(enterprise["cpu_cores"], int)
    assert (enterprise["price_per_month"], enterprise["is_active"]) == (None, True)
    assert client.get(PATH).json["plans"][-1] == enterprise


def test_a_plan_is_changed_and_hidden(client: FlaskClient, enterprise: dict[str, Any]) -> None:
    change = {"is_active": False, "price_per_hour": 0.1234, "placement": {"nodes": ["pve2"]}}
    answer = client.patch(f"{PATH}/{enterprise['id']}", json=change)
    assert answer.status_code == 200
    changed = answer.json["plan"]
    assert changed | {"updated_at": ""} == enterprise | change | {"updated_at": ""}
    offered = client.get("/api/paas/plans").json["plans"]
    assert enterprise["id"] not in {one["id"] for one in offered}
    assert client.patch(f"{PATH}/{enterprise['id']}", json={}).json["plan"]["price_per_hour"] == (
        0.1234
    )


def test_a_plan_is_deleted_or_only_taken_from_the_offer(
    client: FlaskClient, enterprise: dict[str, Any]
) -> None:
    used = client.get(PATH).json["plans"][0]
    made = client.post("/api/paas/apps", json=app_body(plan_id=used["id"]))
    assert made.status_code == 201, made.text
    gone = client.delete(f"{PATH}/{enterprise['id']}")
    kept = client.delete(f"{PATH}/{used['id']}")
    assert (gone.status_code, gone.json["message"]) == (200, "Plan deleted")
    assert (kept.status_code, kept.json["message"]) == (
        200,
        "Plan deactivated, because applications have it",
    )
    assert kept.json["plan"]["is_active"] is False
    left = {one["id"]: one["is_active"] for one in client.get(PATH).json["plans"]}
    assert left[used["id"]] is False
    assert enterprise["id"] not in left


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"cpu_cores": 0}, "cpu_cores"),
        ({"cpu_cores": "1"}, "cpu_cores"),
        ({"ram_mb": 1024.5}, "ram_mb"),
        ({"price_per_hour": -1}, "price_per_hour"),
        ({"price_per_hour": True}, "price_per_hour"),
        ({"price_per_hour": "0.5"}, "price_per_hour"),
        ({"price_per_hour": 1e308}, "price_per_hour"),
        ({"price_per_month": 0.001}, "price_per_month"),
        ({"features": [1]}, "features"),
        ({"features": {"a": {"b": 1}}}, "features"),
        ({"features": None}, "features"),
        ({"placement": {"vlan": 0}}, "placement"),
        ({"is_active": "yes"}, "is_active"),
        ({"name": None}, "name"),
    ],
)
def test_each_rule_has_its_sentence(
    client: FlaskClient, enterprise: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    answer = client.patch(f"{PATH}/{enterprise['id']}", json=change)
    assert (answer.status_code, answer.json) == (400, {"error": SENTENCES[field]})


def test_what_is_missing_is_told_at_once(client: FlaskClient) -> None:
    answer = client.post(PATH, json={"colour": "red"})
    assert answer.status_code == 400
    needed = ("name", "slug", "cpu_cores", "ram_mb", "disk_gb", "max_replicas", "price_per_hour")
    sentences = [SENTENCES[name] for name in needed]
    assert answer.json == {"error": "; ".join([*sentences, "Unknown field 'colour'"])}


def test_a_slug_is_taken_once(client: FlaskClient, enterprise: dict[str, Any]) -> None:
    answer = client.post(PATH, data=ENTERPRISE, content_type="application/json")
    assert answer.status_code == 400
    assert "'enterprise' is taken" in answer.json["error"]


@pytest.mark.parametrize("unknown", [UUID_OF_NOBODY, "no-uuid", "%00"])
def test_an_unknown_plan(client: FlaskClient, unknown: str) -> None:
    for answer in (
        client.patch(f"{PATH}/{unknown}", json={"name": "x"}),
        client.delete(f"{PATH}/{unknown}"),
    ):
        assert (answer.status_code, answer.json) == (404, {"error": "Plan not found"})
