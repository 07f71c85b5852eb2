"""Usage and overview of document 000.

GET /api/admin/paas/overview  200 {applications, deployments, resource_usage, worker_nodes}
GET /api/admin/paas/usage     200 {"usage": [{hour, total_cpu, total_ram_mb, total_cost}]}
GET /api/paas/usage           200 {"usage": [...], "apps": [{id, name, hours, ...}], cost_today}
"""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from paas.engine.metering import count_hours
from paas.engine.platform import Platform
from paas.store import usage
from paas.store.commerce import Run
from tests.api.paas.support import TIME

HOUR = timedelta(hours=1)


@pytest.fixture
def counted(core: Platform, running: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The hour that runs now; the running app has run since two hours before it."""
    with core.store.write() as session:
        now = usage.database_time(session)
        # No hour begins while the test looks.
        monkeypatch.setattr(usage, "database_time", lambda _session: now)
        this_hour = usage.hour_of(now)
        session.execute(update(Run).values(started_at=this_hour - 2 * HOUR))
    assert count_hours(core) == 2
    return this_hour


def written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_hours_of_all(client: FlaskClient, counted: datetime) -> None:
    answer = client.get("/api/admin/paas/usage")
    assert answer.status_code == 200
    assert list(answer.json) == ["usage"]
    assert [list(one) for one in answer.json["usage"]] == [
        ["hour", "total_cpu", "total_ram_mb", "total_cost"]
    ] * 2
    assert answer.json["usage"][0] == {
        "hour": written(counted - HOUR),
        "total_cpu": 0.5,
        "total_ram_mb": 512,
        "total_cost": 0.0069,
    }


def test_since_until_and_limit(client: FlaskClient, counted: datetime) -> None:
    def hours(**query: object) -> list[str]:
        answer = client.get("/api/admin/paas/usage", query_string=query)
        assert answer.status_code == 200, answer.text
        return [one["hour"] for one in answer.json["usage"]]

    newest, oldest = written(counted - HOUR), written(counted - 2 * HOUR)
    assert hours(since=newest) == [newest]
    assert hours(until=newest) == [oldest]
    assert hours(limit=1) == [newest]
    assert hours(since="2025-11-09T10:00:00+02:00", until=oldest) == []


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("since=yesterday", "Invalid since."),
        ("until=2025-13-01T00:00:00Z", "Invalid until."),
        ("limit=0", "Invalid limit."),
        ("limit=8785", "Invalid limit."),
        ("limit=1&limit=2", "The query parameter 'limit' was given twice"),
        ("page=1", "Unknown query parameter 'page'"),
    ],
)
def test_what_cannot_be_asked(client: FlaskClient, query: str, sentence: str) -> None:
    for path in ("/api/admin/paas/usage", "/api/paas/usage"):
        answer = client.get(f"{path}?{query}")
        assert answer.status_code == 400
        assert answer.json["error"].startswith(sentence)


def test_what_a_team_used(client: FlaskClient, counted: datetime, running: dict[str, Any]) -> None:
    answer = client.get("/api/paas/usage")
    assert answer.status_code == 200
    assert list(answer.json) == ["usage", "apps", "cost_today"]
    assert len(answer.json["usage"]) == 2
    assert answer.json["apps"] == [
        {
            "id": running["id"],
            "name": running["name"],
            "hours": 2,
            "replica_hours": 2,
            "cpu_hours": 1,
            "ram_mb_hours": 1024,
            "cost": 0.0138,
        }
    ]
    assert 0 <= answer.json["cost_today"] < 0.0069 * 3
    newest = client.get("/api/paas/usage?limit=1").json
    assert (len(newest["usage"]), newest["apps"][0]["hours"]) == (1, 1)


def test_an_empty_platform_in_figures(client: FlaskClient) -> None:
    answer = client.get("/api/admin/paas/overview")
    assert (answer.status_code, answer.json) == (
        200,
        {
            "applications": [],
            "deployments": {"total": 0},
            "resource_usage": {"total_cpu": 0, "total_ram_mb": 0, "total_cost_today": 0},
            "worker_nodes": [],
        },
    )


def test_the_platform_in_figures(client: FlaskClient, counted: datetime, core: Platform) -> None:
    found = client.get("/api/admin/paas/overview").json
    assert list(found) == ["applications", "deployments", "resource_usage", "worker_nodes"]
    assert found["applications"] == [{"status": "running", "count": 1}]
    assert found["deployments"] == {"total": 1}
    assert list(found["resource_usage"]) == ["total_cpu", "total_ram_mb", "total_cost_today"]
    assert found["resource_usage"]["total_cpu"] == 0.5
    assert found["resource_usage"]["total_ram_mb"] == 512


def test_the_hour_has_its_documented_form(client: FlaskClient, counted: datetime) -> None:
    hour = client.get("/api/admin/paas/usage").json["usage"][0]["hour"]
    assert re.fullmatch(TIME, hour)
