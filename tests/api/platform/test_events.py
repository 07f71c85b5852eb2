"""GET /api/deployments/{id}/events: text/event-stream; errors in the words of document 001.

id: 7
event: log
data: {"seq": 7, "kind": "log", "stream": "terraform", "text": "...", "at": "..."}
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from paas.api.context import GATE
from paas.domain.views import EventView
from paas.services import events
from tests.api.support import UUID_OF_NOBODY


def read(answer: Any, count: int) -> list[str]:
    """The first blocks of a stream, which is left then."""
    blocks: list[str] = []
    text = ""
    for part in answer.iter_encoded():
        text += part.decode()
        *whole, text = text.split("\n\n")
        blocks += whole
        if len(blocks) >= count:
            break
    answer.close()
    return blocks[:count]


def fields(block: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in block.split("\n"))


def test_the_whole_story_of_a_deployment(client: FlaskClient, deployed: dict[str, Any]) -> None:
    answer = client.get(f"/api/deployments/{deployed['id']}/events")
    assert answer.status_code == 200
    assert answer.mimetype == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-store"
    retry, *told = read(answer, 6)
    assert retry == "retry: 1000"
    data = [json.loads(fields(block)["data"]) for block in told]
    assert [fields(block)["id"] for block in told] == ["1", "2", "3", "4", "5"]
    assert [fields(block)["event"] for block in told] == ["status", "log"] + ["status"] * 3
    assert [found["text"] for found in data] == [
        "pending",
        "Apply complete!",
        "provisioning",
        "deploying",
        "running",
    ]
    assert set(data[0]) == {"seq", "kind", "stream", "text", "at"}
    assert datetime.fromisoformat(data[0]["at"]).tzinfo == UTC


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?after=3", {}),
        ("", {"Last-Event-ID": "3"}),
        ("?after=1", {"Last-Event-ID": "3"}),
    ],
)
def test_a_stream_that_goes_on(
    client: FlaskClient, deployed: dict[str, Any], query: str, headers: dict[str, str]
) -> None:
    answer = client.get(f"/api/deployments/{deployed['id']}/events{query}", headers=headers)
    blocks = read(answer, 3)[1:]
    assert [fields(block)["id"] for block in blocks] == ["4", "5"]


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "", "1" * 19, "1\u0661"])
def test_places_that_are_none(client: FlaskClient, deployed: dict[str, Any], given: str) -> None:
    path = f"/api/deployments/{deployed['id']}/events"
    answer = client.get(path, query_string={"after": given})
    assert answer.status_code == 400
    assert answer.json["errors"] == ["Invalid after. Must be the number of an event"]
    if given.isascii():
        answer = client.get(path, headers={"Last-Event-ID": given})
        assert answer.json["errors"] == ["Invalid Last-Event-ID. Must be the number of an event"]


def test_one_that_is_not_there(client: FlaskClient) -> None:
    answer = client.get(f"/api/deployments/{UUID_OF_NOBODY}/events")
    assert answer.status_code == 404
    assert answer.json == {"success": False, "error": "Deployment not found"}


def test_silence_is_broken_by_comments(
    client: FlaskClient, deployed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def quiet(*_: object) -> Iterator[EventView | None]:
        yield None

    monkeypatch.setattr(events, "stream", quiet)
    answer = client.get(f"/api/deployments/{deployed['id']}/events")
    assert answer.text == "retry: 1000\n\n: still here\n\n"


def test_no_line_can_end_an_event(
    client: FlaskClient, deployed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "a\n\nid: 9\nevent: status\r\ndata: {}\x00\u2028\x1b[31m"

    def one(*_: object) -> Iterator[EventView | None]:
        yield EventView(1, "log", "git", text, datetime.now(UTC))

    monkeypatch.setattr(events, "stream", one)
    answer = client.get(f"/api/deployments/{deployed['id']}/events")
    (block,) = answer.text.split("\n\n")[1:-1]
    assert len(block.split("\n")) == 3
    assert json.loads(fields(block)["data"])["text"] == text


def test_too_many_streams(client: FlaskClient, deployed: dict[str, Any]) -> None:
    gate = client.application.extensions[GATE]
    leaves = [gate.enter() for _ in range(gate.places)]
    path = f"/api/deployments/{deployed['id']}/events"
    answer = client.get(path)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert set(answer.json) == {"success", "error"}
    leaves[0]()
    answer = client.get(path)
    assert answer.status_code == 200
    answer.close()


def test_a_stream_gives_its_place_back(client: FlaskClient, deployed: dict[str, Any]) -> None:
    gate = client.application.extensions[GATE]
    path = f"/api/deployments/{deployed['id']}/events"
    read(client.get(path), 2)
    assert gate.inside == 0
    # Never read at all.
    client.get(path).close()
    client.head(path).close()
    assert gate.inside == 0
