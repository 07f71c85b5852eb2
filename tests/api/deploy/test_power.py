"""POST /api/deployments/{id}/redeploy, /stop, /start, /restart, /shutdown

200  {"success": true, "message": "...", "deployment": {...}}
202  the same, with Location
409  {"success": false, "error": "..."}
500  {"success": false, "errors": ["..."], "deployment": {...}}
"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from paas.engine.platform import Platform
from paas.store.models import Deployment
from tests.api.support import UUID_OF_NOBODY, InstantWorker

VERBS = ("redeploy", "stop", "start", "restart", "shutdown")


def test_stop_and_start(client: FlaskClient, deployed: dict[str, Any]) -> None:
    path = f"/api/deployments/{deployed['id']}"
    answer = client.post(f"{path}/stop")
    assert answer.status_code == 200
    assert answer.json["message"] == "Application stopped successfully"
    assert answer.json["deployment"]["status"] == "stopped"
    assert client.post(f"{path}/stop").status_code == 409
    answer = client.post(f"{path}/start")
    assert answer.json["message"] == "Application started successfully"
    assert answer.json["deployment"]["status"] == "running"


def test_restart_and_shutdown(client: FlaskClient, deployed: dict[str, Any]) -> None:
    path = f"/api/deployments/{deployed['id']}"
    answer = client.post(f"{path}/restart")
    assert answer.json["message"] == "Application restarted successfully"
    assert answer.json["deployment"]["status"] == "running"
    answer = client.post(f"{path}/shutdown")
    assert answer.json["message"] == "Application shut down successfully"
    assert answer.json["deployment"]["status"] == "stopped"
    for verb in ("shutdown", "restart"):
        answer = client.post(f"{path}/{verb}")
        assert (answer.status_code, list(answer.json)) == (409, ["success", "error"])


@pytest.mark.parametrize("sent", [None, {}, {"ref": "v1.2.0"}])
def test_redeploy(
    client: FlaskClient, deployed: dict[str, Any], core: Platform, sent: dict[str, str] | None
) -> None:
    answer = client.post(f"/api/deployments/{deployed['id']}/redeploy", json=sent)
    assert answer.status_code == 200
    assert answer.json["message"] == "Application redeployed successfully"
    with core.store.read() as session:
        newest = session.query(Deployment).order_by(Deployment.id.desc()).first()
        assert newest is not None
        assert newest.ref == (sent or {}).get("ref")


@pytest.mark.parametrize("sent", [{"ref": "-x"}, {"ref": None}, {"ref": 1}, {"branch": "x"}, []])
def test_a_redeploy_that_breaks_rules(
    client: FlaskClient, deployed: dict[str, Any], sent: object
) -> None:
    answer = client.post(f"/api/deployments/{deployed['id']}/redeploy", json=sent)
    assert answer.status_code == 400
    assert set(answer.json) == {"success", "errors"}


@pytest.mark.parametrize("verb", VERBS)
def test_a_busy_deployment(
    client: FlaskClient, deployed: dict[str, Any], worker: InstantWorker, verb: str
) -> None:
    worker.asleep = True
    path = f"/api/deployments/{deployed['id']}"
    first = client.post(f"{path}/redeploy", headers={"Prefer": "respond-async"})
    assert first.status_code == 202
    assert first.headers["Location"] == path
    answer = client.post(f"{path}/{verb}")
    assert answer.status_code == 409
    assert "busy" in answer.json["error"]


@pytest.mark.parametrize("verb", VERBS)
def test_one_that_is_not_there(client: FlaskClient, verb: str) -> None:
    answer = client.post(f"/api/deployments/{UUID_OF_NOBODY}/{verb}")
    assert (answer.status_code, answer.json["error"]) == (404, "Deployment not found")


@pytest.mark.parametrize("verb", VERBS)
def test_a_form_is_refused(client: FlaskClient, deployed: dict[str, Any], verb: str) -> None:
    answer = client.post(f"/api/deployments/{deployed['id']}/{verb}", data={"ref": "main"})
    assert answer.status_code == 415


def test_a_redeploy_that_fails(
    client: FlaskClient, deployed: dict[str, Any], worker: InstantWorker
) -> None:
    worker.error = "The new release does not answer"
    answer = client.post(f"/api/deployments/{deployed['id']}/redeploy")
    assert answer.status_code == 500
    assert answer.json["errors"] == ["The new release does not answer"]
    assert answer.json["deployment"]["status"] == "running"
