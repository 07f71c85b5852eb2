"""GET /api/deployments/{id}/logs          200 {"success": true, "logs": "..."}
GET /api/deployments/{id}/runtime-logs  200 {"success": true, "logs": [{at, stream, text}, ...]}
"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.support import UUID_OF_NOBODY, NoGuests


def test_the_log_is_one_text(client: FlaskClient, deployed: dict[str, Any]) -> None:
    logs = client.get(f"/api/deployments/{deployed['id']}/logs").json["logs"]
    assert "[terraform] Apply complete!\n" in logs


def texts(answer: Any) -> list[str]:
    return [line["text"] for line in answer.json["logs"]]


def test_what_the_app_wrote(client: FlaskClient, deployed: dict[str, Any]) -> None:
    answer = client.get(f"/api/deployments/{deployed['id']}/runtime-logs?limit=2")
    assert answer.json == {
        "success": True,
        "logs": [
            {"at": f"2025-11-25T10:00:{n}.500Z", "stream": "stdout", "text": f"line {n}"}
            for n in (18, 19)
        ],
    }


def test_a_part_of_what_the_app_wrote(client: FlaskClient, deployed: dict[str, Any]) -> None:
    path = f"/api/deployments/{deployed['id']}/runtime-logs"
    assert texts(client.get(path, query_string={"search": "line 1", "limit": "3"})) == [
        "line 17",
        "line 18",
        "line 19",
    ]
    assert texts(client.get(path, query_string={"search": ".*"})) == []
    for since in (
        "2025-11-25T10:00:18.500Z",
        "2025-11-25T10:00:17.9",
        "2025-11-25T11:00:18+01:00",
        "2025-11-25T10:00:18.5+00:00",
    ):
        assert texts(client.get(path, query_string={"since": since})) == ["line 18", "line 19"]
    assert texts(client.get(path, query_string={"since": "2025-11-25T10:00:18.501Z"})) == [
        "line 19"
    ]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        *(
            ({"limit": given}, "Invalid limit. Must be 1-10000")
            for given in ("0", "10001", "x", "")
        ),
        *(
            (
                {"since": given},
                "Invalid since. Must be a time in ISO 8601, such as 2025-11-25T10:05:33Z",
            )
            for given in (
                *("", "now", "1764065133", "2025-11-25", "2025-13-25T10:05:33Z"),
                *("2025-11-25T10:05:33 00:00", "0001-01-01T00:00:00+14:00", "٢025-11-25T10:05Z"),
            )
        ),
        *(
            ({"search": given}, "Invalid search. Must be 1-200 printable characters")
            for given in ("", " ", "x" * 201, "a\nb", "\x1b[31m")
        ),
        ({"follow": "yes"}, "Invalid follow. Must be 0 or 1"),
        ({"tail": "5"}, "Unknown query parameter 'tail'"),
    ],
)
def test_a_wish_that_breaks_a_rule(
    client: FlaskClient, deployed: dict[str, Any], query: dict[str, str], sentence: str
) -> None:
    path = f"/api/deployments/{deployed['id']}/runtime-logs"
    answer = client.get(path, query_string=query)
    assert (answer.status_code, answer.json["errors"]) == (400, [sentence])


@pytest.mark.parametrize("part", ["logs", "runtime-logs", "runtime-logs?follow=1"])
def test_one_that_is_not_there(client: FlaskClient, part: str) -> None:
    answer = client.get(f"/api/deployments/{UUID_OF_NOBODY}/{part}")
    assert (answer.status_code, answer.json["error"]) == (404, "Deployment not found")


@pytest.mark.parametrize("follow", ["", "?follow=1"])
def test_a_guest_that_does_not_answer(
    client: FlaskClient, deployed: dict[str, Any], target: NoGuests, follow: str
) -> None:
    target.away = "Proxmox at https://pve.example.com:8006 does not answer"
    answer = client.get(f"/api/deployments/{deployed['id']}/runtime-logs{follow}")
    assert (answer.status_code, answer.json["error"]) == (503, target.away)
