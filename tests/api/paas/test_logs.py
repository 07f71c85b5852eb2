"""What an application writes.

GET  /api/paas/apps/{id}/logs         200 {"logs": [{timestamp, message, source}]}
GET  /api/paas/apps/{id}/logs/stream  200 text/event-stream, see test_stream.py
POST /api/paas/apps/{id}/logs/ticket  200 {"ticket": "...", "expires_in": 60}
errors                                {"error": "..."}
"""

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.paas.support import LINE_KEYS
from tests.api.support import UUID_OF_NOBODY, NoGuests, wrote


def path(app: dict[str, Any]) -> str:
    return f"/api/paas/apps/{app['id']}/logs"


def messages(answer: Any) -> list[str]:
    return [line["message"] for line in answer.json["logs"]]


def test_the_newest_lines(client: FlaskClient, running: dict[str, Any]) -> None:
    answer = client.get(path(running), query_string={"limit": 2})
    assert answer.status_code == 200
    assert answer.json == {
        "logs": [
            {"timestamp": f"2025-11-25T10:00:{n}Z", "message": f"line {n}", "source": "app"}
            for n in (18, 19)
        ]
    }
    assert list(answer.json["logs"][0]) == LINE_KEYS
    assert len(messages(client.get(path(running)))) == 20


def test_an_app_that_never_ran_wrote_nothing(client: FlaskClient, made: dict[str, Any]) -> None:
    assert client.get(path(made)).json == {"logs": []}


def test_the_documented_request(
    client: FlaskClient, running: dict[str, Any], target: NoGuests
) -> None:
    target.wrote = [replace(wrote(n), text=f"{n} {'Error' * (n % 2)}") for n in range(6)]
    query = "?since=2025-11-09T00:00:00Z&limit=1000&search=error"
    assert messages(client.get(path(running) + query)) == ["1 Error", "3 Error", "5 Error"]


def test_a_part_of_them(client: FlaskClient, running: dict[str, Any]) -> None:
    def found(**query: object) -> list[str]:
        return messages(client.get(path(running), query_string=query))

    assert found(search="LINE 1", limit=3) == ["line 17", "line 18", "line 19"]
    assert found(search=".*") == []
    for since in (
        "2025-11-25T10:00:18Z",
        "2025-11-25T10:00:18.500Z",
        "2025-11-25T11:00:18+01:00",
    ):
        assert found(since=since) == ["line 18", "line 19"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        *(
            ({"limit": given}, "Invalid limit. Must be 1-10000")
            for given in ("0", "10001", "x", "", "-1", "1.5")
        ),
        *(
            (
                {"since": given},
                "Invalid since. Must be a time in ISO 8601, such as 2025-11-09T00:00:00Z",
            )
            for given in ("", "now", "1764065133", "2025-11-25", "2025-13-25T10:05:33Z")
        ),
        *(
            ({"search": given}, "Invalid search. Must be 1-200 printable characters")
            for given in ("", " ", "x" * 201, "a\nb", "\x1b[31m")
        ),
        ({"tail": "5"}, "Unknown query parameter 'tail'"),
        (
            {"limit": "0", "search": ""},
            "Invalid limit. Must be 1-10000; Invalid search. Must be 1-200 printable characters",
        ),
    ],
)
def test_a_wish_that_breaks_a_rule(
    client: FlaskClient, running: dict[str, Any], query: dict[str, str], sentence: str
) -> None:
    answer = client.get(path(running), query_string=query)
    assert (answer.status_code, answer.json) == (400, {"error": sentence})


def test_lines_of_all_replicas(client: FlaskClient, running: dict[str, Any]) -> None:
    plans = client.get("/api/paas/plans").json["plans"]
    largest = max(plans, key=lambda plan: plan["max_replicas"])
    client.patch(f"/api/paas/apps/{running['id']}", json={"plan_id": largest["id"]})
    answer = client.post(f"/api/paas/apps/{running['id']}/scale", json={"replicas": 2})
    assert answer.status_code == 200, answer.text
    answer = client.get(path(running), query_string={"limit": 4})
    assert [(line["message"], line["source"]) for line in answer.json["logs"]] == [
        ("line 18", "app.1"),
        ("line 18", "app.2"),
        ("line 19", "app.1"),
        ("line 19", "app.2"),
    ]


def test_a_guest_that_does_not_answer(
    client: FlaskClient, running: dict[str, Any], target: NoGuests
) -> None:
    target.away = "Node pve1 is offline"
    answer = client.get(path(running))
    assert (answer.status_code, answer.json) == (503, {"error": "Node pve1 is offline"})


@pytest.mark.parametrize("given", [UUID_OF_NOBODY, "x"])
def test_one_that_is_not_there(client: FlaskClient, given: str) -> None:
    missing = {"error": "Application not found"}
    for answer in (
        client.get(path({"id": given})),
        client.get(path({"id": given}) + "/stream"),
        client.post(path({"id": given}) + "/ticket"),
    ):
        assert (answer.status_code, answer.json) == (404, missing)
