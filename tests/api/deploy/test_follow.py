"""GET /api/deployments/{id}/runtime-logs?follow=1: text/event-stream.

id: 7f3a9c21@2025-11-25T10:05:18.5/1
event: line
data: {"at": "2025-11-25T10:05:18.500Z", "stream": "stdout", "text": "..."}
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from paas.api.context import GATE
from paas.services import logs
from paas.targets.contract import RuntimeLine
from tests.api.support import NoGuests


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower that looks without a pause, and says each time that there was nothing."""
    monkeypatch.setattr(logs, "FOLLOW_SECONDS", 0.0)
    monkeypatch.setattr(logs, "KEEPALIVE_SECONDS", -1.0)


def line(second: str, text: str) -> RuntimeLine:
    return RuntimeLine(f"2025-11-25T10:05:{second}+00:00", "stdout", text)


def blocks(answer: Any) -> Iterator[str]:
    for chunk in answer.response:
        yield chunk.decode() if isinstance(chunk, bytes) else chunk


def told(client: FlaskClient, path: str, **options: Any) -> list[tuple[str, str]]:
    """Id and text of every line before the first silence; of an id, what follows the guest."""
    answer = client.get(path, buffered=False, **options)
    assert answer.status_code == 200, answer.text
    found = []
    for block in blocks(answer):
        if block.startswith(": still here"):
            break
        fields = dict(one.split(": ", 1) for one in block.strip().split("\n"))
        if fields.get("event") == "line":
            found.append((fields["id"], json.loads(fields["data"])["text"]))
    answer.close()
    return found


def path(deployed: dict[str, Any]) -> str:
    return f"/api/deployments/{deployed['id']}/runtime-logs?follow=1"


def test_what_is_there_and_what_follows(
    client: FlaskClient, deployed: dict[str, Any], target: NoGuests
) -> None:
    target.wrote = [line("01", "one"), line("02", "two"), line("02", "three")]
    answer = client.get(path(deployed), buffered=False)
    assert answer.mimetype == "text/event-stream"
    assert answer.headers["X-Accel-Buffering"] == "no"
    found = []
    for block in blocks(answer):
        if block.startswith(": still here") and len(target.wrote) < 4:
            target.wrote = [*target.wrote, line("02", "four")]
        elif block.startswith(": still here"):
            break
        elif "event: line" in block:
            found.append(block)
    answer.close()
    ids = [block.split("\n")[0].split("@")[1] for block in found]
    assert ids == [f"2025-11-25T10:05:{place}" for place in ("01/1", "02/1", "02/2", "02/3")]
    assert found[3].endswith(
        'data: {"at": "2025-11-25T10:05:02Z", "stream": "stdout", "text": "four"}\n\n'
    )


def test_a_line_is_neither_lost_nor_repeated(
    client: FlaskClient, deployed: dict[str, Any], target: NoGuests
) -> None:
    burst = [line("02.250", f"{n}") for n in range(5)]
    target.wrote = [line("01", "one"), *burst, line("03", "last")]
    whole = told(client, path(deployed))
    assert [text for _, text in whole] == ["one", "0", "1", "2", "3", "4", "last"]
    for place, (key, _) in enumerate(whole, start=1):
        again = told(client, path(deployed), headers={"Last-Event-ID": key})
        assert again == whole[place:]


def test_only_the_newest_to_begin_with(
    client: FlaskClient, deployed: dict[str, Any], target: NoGuests
) -> None:
    target.wrote = [line(f"{n:02}", f"{n}") for n in range(9)]
    assert [text for _, text in told(client, f"{path(deployed)}&limit=2")] == ["7", "8"]


def test_an_app_that_has_written_nothing(
    client: FlaskClient, deployed: dict[str, Any], target: NoGuests
) -> None:
    target.wrote = []
    answer = client.get(path(deployed), buffered=False)
    for block in blocks(answer):
        if block.startswith(": still here"):
            target.wrote = [line("01", "the first")]
        elif "event: line" in block:
            assert '"text": "the first"' in block
            break
    answer.close()


def test_a_guest_cannot_break_out_of_its_events(
    client: FlaskClient, deployed: dict[str, Any], target: NoGuests
) -> None:
    hostile = "x\n\nid: 9\nevent: status\ndata: {}"
    target.wrote = [line("01", "good"), RuntimeLine(f"2025{hostile}", hostile, hostile)]
    answer = client.get(path(deployed), buffered=False)
    found = blocks(answer)
    next(found)
    for number in (1, 2):
        key, kind, data, *rest = next(found).split("\n")
        place = "2025-11-25T10:05:01/1" if number == 1 else "2025-11-25T10:05:01/2"
        assert key.endswith(f"@{place}")
        assert (kind, data[:6], rest) == ("event: line", "data: ", ["", ""])
    answer.close()


@pytest.mark.parametrize(
    "given",
    ["x", "7", "2025-11-25T10:05:02Z/1", "12345678@2025-99-25T10:05:02/1", "12345678@x/1", "/1"],
)
def test_places_that_are_none(client: FlaskClient, deployed: dict[str, Any], given: str) -> None:
    answer = client.get(path(deployed), headers={"Last-Event-ID": given})
    assert (answer.status_code, answer.json["errors"]) == (
        400,
        ["Invalid Last-Event-ID. Must be the id of a line"],
    )


def test_a_guest_that_goes_away(
    client: FlaskClient, deployed: dict[str, Any], target: NoGuests
) -> None:
    answer = client.get(path(deployed), buffered=False)
    found = blocks(answer)
    next(found)
    target.away = "Node pve1 is offline"
    *_, last = found
    assert last == 'event: away\ndata: {"error": "Node pve1 is offline"}\n\n'


def test_a_deployment_that_is_deleted_meanwhile(
    client: FlaskClient, deployed: dict[str, Any]
) -> None:
    answer = client.get(path(deployed), buffered=False)
    found = blocks(answer)
    next(found)
    client.delete(f"/api/deployments/{deployed['id']}")
    *_, last = found
    assert last == 'event: away\ndata: {"error": "This deployment is deleted"}\n\n'
    again = client.get(path(deployed))
    assert (again.status_code, again.json["error"]) == (409, "This deployment is deleted")


def test_too_many_streams(client: FlaskClient, deployed: dict[str, Any]) -> None:
    gate = client.application.extensions[GATE]
    leaves = [gate.enter() for _ in range(gate.places)]
    answer = client.get(path(deployed))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    leaves[0]()
    told(client, path(deployed))
    assert gate.inside == gate.places - 1
