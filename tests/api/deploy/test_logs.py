"""GET /api/deployments/{id}/logs          200 {"success": true, "logs": "..."}
GET /api/deployments/{id}/runtime-logs  200 {"success": true, "logs": [{at, stream, text}, ...]}
"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.support import UUID_OF_NOBODY


def test_the_log_is_one_text(client: FlaskClient, deployed: dict[str, Any]) -> None:
    logs = client.get(f"/api/deployments/{deployed['id']}/logs").json["logs"]
    assert "[terraform] Apply complete!\n" in logs


def test_what_the_app_wrote(client: FlaskClient, deployed: dict[str, Any]) -> None:
    answer = client.get(f"/api/deployments/{deployed['id']}/runtime-logs?limit=2")
    assert answer.json == {
        "success": True,
        "logs": [
            {"at": "2025-11-25T10:05:33Z", "stream": "stdout", "text": f"line {n}"}
            for n in (18, 19)
        ],
    }


@pytest.mark.parametrize("limit", ["0", "10001", "x", ""])
def test_a_limit_that_breaks_the_rule(
    client: FlaskClient, deployed: dict[str, Any], limit: str
) -> None:
    answer = client.get(f"/api/deployments/{deployed['id']}/runtime-logs?limit={limit}")
    assert (answer.status_code, answer.json["errors"]) == (400, ["Invalid limit. Must be 1-10000"])


@pytest.mark.parametrize("part", ["logs", "runtime-logs"])
def test_one_that_is_not_there(client: FlaskClient, part: str) -> None:
    answer = client.get(f"/api/deployments/{UUID_OF_NOBODY}/{part}")
    assert (answer.status_code, answer.json["error"]) == (404, "Deployment not found")
