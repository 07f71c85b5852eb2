"""GET /health, /api/health   200 {"status": "healthy", "service": ..., "version": ...}
GET /api/frameworks        200 {"success": true, "frameworks": {...}}
GET /api/stats             200 {"success": true, "stats": {...}}
"""

import pytest
from flask.testing import FlaskClient

from paas.domain.errors import Unavailable
from paas.services import health


def test_both_paths_of_the_health_check(client: FlaskClient) -> None:
    assert client.get("/health").json == client.get("/api/health").json


def test_the_statistics_of_nothing(client: FlaskClient) -> None:
    assert client.get("/api/stats").json["stats"] == {
        "total_deployments": 0,
        "running_deployments": 0,
        "failed_deployments": 0,
        "success_rate": 0.0,
    }


def test_frameworks_have_the_documented_keys_only(client: FlaskClient) -> None:
    found = client.get("/api/frameworks").json["frameworks"]
    assert list(found) == ["django", "flask", "laravel", "php"]
    for framework in found.values():
        assert list(framework) == ["name", "language", "version", "port", "install_cmd"]


def test_a_database_that_does_not_answer(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_platform: object) -> None:
        raise Unavailable("The database does not answer", detail="secret host name")

    monkeypatch.setattr(health, "health", away)
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json == {"success": False, "error": "The database does not answer"}
