"""Worker nodes as document 000 has them; the host itself is the only one here."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from paas.engine.platform import Platform
from paas.store import guests
from paas.targets.contract import Place
from tests.api.paas.support import TIME
from tests.factories import app_row

WORKERS = "/api/admin/paas/workers"
DOCUMENTED = {
    "name": "worker-2",
    "ip_address": "192.168.1.102",
    "ssh_port": 22,
    "ssh_user": "root",
    "ssh_key": "-----BEGIN OPENSSH PRIVATE KEY-----\n...",
    "auto_provision": True,
}


def workers(client: FlaskClient) -> list[dict[str, Any]]:
    answer = client.get(WORKERS)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["workers"]
    return found


def test_the_list_is_the_documented_one(client: FlaskClient) -> None:
    (worker,) = workers(client)
    assert list(worker) == ["id", "name", "status", "cpu", "ram", "containers", "lastHeartbeat"]
    assert worker["name"] == "worker-1"
    assert worker["status"] == "active"
    assert worker["cpu"] == {"total": 4, "used": 2.5, "available": 1.5}
    assert '"total":4,' in client.get(WORKERS).text.replace(" ", "")
    assert worker["ram"] == {"total": 8192, "used": 4096, "available": 4096}
    assert worker["containers"] == 12
    assert re.fullmatch(TIME, worker["lastHeartbeat"])


def test_the_swarm_is_initialized_as_often_as_wanted(client: FlaskClient) -> None:
    for _ in range(2):
        answer = client.post("/api/admin/paas/swarm/init")
        assert answer.status_code == 200, answer.text
        assert answer.json == {"message": "Swarm initialized", "managerIp": "192.168.1.100"}


def test_a_worker_goes_and_comes_back(client: FlaskClient, core: Platform) -> None:
    (worker,) = workers(client)
    with core.store.write() as session:
        app = app_row(session)
        place = Place("local", "worker-1", "127.77.0.9")
        guest = guests.reserve(session, app, "local", place, 100_000).id
    answer = client.delete(f"{WORKERS}/{worker['id']}")
    assert answer.status_code == 200
    assert answer.json["containers"] == 1
    assert answer.json["message"].startswith("Worker worker-1 is draining: 1 guest left.")
    assert workers(client)[0]["status"] == "draining"
    with core.store.write() as session:
        guests.mark_gone(session, guest)
    answer = client.delete(f"{WORKERS}/{worker['id']}")
    assert answer.json == {"message": "Worker worker-1 is removed", "containers": 0}
    gone = client.delete(f"{WORKERS}/{worker['id']}")
    assert (gone.status_code, gone.json) == (404, {"error": "Worker not found"})
    answer = client.post(WORKERS, json={"name": "worker-1"})
    assert answer.status_code == 201
    assert answer.json["worker"]["id"] == worker["id"]
    assert answer.json["notes"] == []


def test_the_host_of_target_local_has_no_others_beside_it(client: FlaskClient) -> None:
    answer = client.post(WORKERS, json=DOCUMENTED)
    assert answer.status_code == 409
    assert list(answer.json) == ["error"]
    assert "PAAS_TARGET=local" in answer.json["error"]
    assert "PRIVATE KEY" not in answer.text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "a b"}, "Invalid name"),
        ({"name": "$(id)"}, "Invalid name"),
        ({"ip_address": "host; id"}, "Invalid ip_address"),
        ({"ssh_port": 0}, "Invalid ssh_port"),
        ({"ssh_user": "-oProxyCommand=id"}, "Invalid ssh_user"),
        ({"ssh_user": "{{ 1 }}"}, "Invalid ssh_user"),
        ({"ssh_key": "x" * 16385}, "Invalid ssh_key"),
        ({"ssh_host_key": "a b\nc d"}, "Invalid ssh_host_key"),
        ({"auto_provision": "yes"}, "Invalid auto_provision"),
        ({"api_token": "a b"}, "Invalid api_token"),
        ({"fingerprint": "xyz"}, "Invalid fingerprint"),
        ({"password": "x"}, "Unknown field"),
    ],
)
def test_every_field_has_its_sentence(
    client: FlaskClient, changes: dict[str, object], sentence: str
) -> None:
    answer = client.post(WORKERS, json={**DOCUMENTED, **changes})
    assert answer.status_code == 400
    assert answer.json["error"].startswith(sentence)


def test_a_cluster_that_is_away_is_said(client: FlaskClient, core: Platform) -> None:
    target = core.targets["local"]
    target.away = "Proxmox does not answer"  # type: ignore[attr-defined]
    answer = client.post("/api/admin/paas/swarm/init")
    assert (answer.status_code, answer.json) == (503, {"error": "Proxmox does not answer"})
