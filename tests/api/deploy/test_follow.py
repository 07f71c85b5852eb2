"""GET /api/deployments/{id}/runtime-logs?follow=1: text/event-stream.

id: 2025-11-25T10:05:18.500Z/1
event: line
data: {"at": "2025-11-25T10:05:18.500Z", "stream": "stdout", "text": "..."}
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from paas.api.context import GATE
from paas.domain.errors import Unreachable
from paas.services import logs
from paas.targets.contract import RuntimeLine

Lines = Callable[..., None]


@pytest.fixture
def wrote(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """What the app has written, and what it writes while it is followed (None: nothing)."""

    def write(*before: RuntimeLine, then: tuple[Any, ...] = ()) -> None:
        def follow(
            _platform: object, _actor: object, _app: str, since: str, search: str
        ) -> Iterator[RuntimeLine | None]:
            yield from (one for one in before if one.at >= since and search in one.text)
            for one in then:
                if isinstance(one, Exception):
                    raise one
                yield one

        monkeypatch.setattr(logs, "runtime", lambda *given: list(before)[-given[3] :])
        monkeypatch.setattr(logs, "follow", follow)

    return write


def line(second: str, text: str) -> RuntimeLine:
    return RuntimeLine(f"2025-11-25T10:05:{second}+00:00", "stdout", text)


def told(answer: Any) -> list[tuple[str, str]]:
    """Id and text of every line."""
    found = []
    for block in answer.text.split("\n\n"):
        fields = dict(one.split(": ", 1) for one in block.split("\n") if one)
        if fields.get("event") == "line":
            found.append((fields["id"], json.loads(fields["data"])["text"]))
    return found


def path(deployed: dict[str, Any]) -> str:
    return f"/api/deployments/{deployed['id']}/runtime-logs?follow=1"


def test_what_is_there_and_what_follows(
    client: FlaskClient, deployed: dict[str, Any], wrote: Lines
) -> None:
    wrote(
        line("01", "one"), line("02", "two"), line("02", "three"), then=(line("02", "four"), None)
    )
    answer = client.get(path(deployed))
    assert answer.mimetype == "text/event-stream"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert told(answer) == [
        ("2025-11-25T10:05:01Z/1", "one"),
        ("2025-11-25T10:05:02Z/1", "two"),
        ("2025-11-25T10:05:02Z/2", "three"),
        ("2025-11-25T10:05:02Z/3", "four"),
    ]
    assert answer.text.endswith(": still here\n\n")


def test_a_line_is_neither_lost_nor_repeated(
    client: FlaskClient, deployed: dict[str, Any], wrote: Lines
) -> None:
    lines = [line("01", "one"), *(line("02.250", f"{n}") for n in range(5)), line("03", "last")]
    wrote(*lines)
    whole = told(client.get(path(deployed)))
    assert [text for _, text in whole] == ["one", "0", "1", "2", "3", "4", "last"]
    for place, (key, _) in enumerate(whole, start=1):
        again = client.get(path(deployed), headers={"Last-Event-ID": key})
        assert told(again) == whole[place:]


def test_only_the_newest_to_begin_with(
    client: FlaskClient, deployed: dict[str, Any], wrote: Lines
) -> None:
    wrote(*(line(f"{n:02}", f"{n}") for n in range(9)))
    assert [text for _, text in told(client.get(f"{path(deployed)}&limit=2"))] == ["7", "8"]


def test_an_app_that_has_written_nothing(
    client: FlaskClient, deployed: dict[str, Any], wrote: Lines
) -> None:
    wrote(then=(None, line("01", "the first")))
    assert told(client.get(path(deployed))) == [("2025-11-25T10:05:01Z/1", "the first")]


def test_a_guest_cannot_break_out_of_its_events(
    client: FlaskClient, deployed: dict[str, Any], wrote: Lines
) -> None:
    hostile = "x\n\nid: 9\nevent: status\ndata: {}"
    wrote(line("01", "good"), RuntimeLine(hostile, hostile, hostile))
    blocks = client.get(path(deployed)).text.split("\n\n")[1:-1]
    assert [block.split("\n")[0] for block in blocks] == [
        "id: 2025-11-25T10:05:01Z/1",
        "id: 2025-11-25T10:05:01Z/2",
    ]
    assert all(len(block.split("\n")) == 3 for block in blocks)


@pytest.mark.parametrize(
    "given",
    ["x", "7", "2025-11-25T10:05:02Z", "2025-11-25T10:05:02Z/x", "2025-99-25T10:05:02Z/1", "/1"],
)
def test_places_that_are_none(client: FlaskClient, deployed: dict[str, Any], given: str) -> None:
    answer = client.get(path(deployed), headers={"Last-Event-ID": given})
    assert (answer.status_code, answer.json["errors"]) == (
        400,
        ["Invalid Last-Event-ID. Must be the id of a line"],
    )


def test_a_guest_that_goes_away(
    client: FlaskClient, deployed: dict[str, Any], wrote: Lines
) -> None:
    wrote(line("01", "one"), then=(Unreachable("Node pve1 is offline"),))
    answer = client.get(path(deployed))
    assert answer.status_code == 200
    assert answer.text.endswith('event: away\ndata: {"error": "Node pve1 is offline"}\n\n')


def test_a_deployment_that_is_deleted_meanwhile(
    client: FlaskClient, deployed: dict[str, Any], wrote: Lines
) -> None:
    wrote(then=(None, None))
    answer = client.get(path(deployed), buffered=False)
    client.delete(f"/api/deployments/{deployed['id']}")
    assert answer.text.endswith('event: away\ndata: {"error": "This deployment is deleted"}\n\n')
    answer = client.get(path(deployed))
    assert (answer.status_code, answer.json["error"]) == (409, "This deployment is deleted")


def test_too_many_streams(client: FlaskClient, deployed: dict[str, Any], wrote: Lines) -> None:
    wrote(line("01", "one"))
    gate = client.application.extensions[GATE]
    leaves = [gate.enter() for _ in range(gate.places)]
    answer = client.get(path(deployed))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    leaves[0]()
    client.get(path(deployed)).close()
    assert gate.inside == gate.places - 1
