"""GET /api/paas/apps/{id}/logs/stream: text/event-stream, one unnamed event for each line.

id: 7f3a9c21@2025-11-09T10:30:45/1
data: {"timestamp":"2025-11-09T10:30:45Z","message":"Log line","source":"app"}

POST /api/paas/apps/{id}/logs/ticket  200 {"ticket": "...", "expires_in": 60}
"""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from paas.api.context import GATE
from paas.engine.platform import Platform
from paas.services import logs, tickets
from paas.store.base import utcnow
from paas.store.people import StreamTicket
from tests.api.paas.support import app_body
from tests.api.support import InstantWorker, NoGuests, wrote

Event = tuple[str, dict[str, str]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower that looks without a pause, and says each time that there was nothing."""
    monkeypatch.setattr(logs, "FOLLOW_SECONDS", 0.0)
    monkeypatch.setattr(logs, "KEEPALIVE_SECONDS", -1.0)


def path(app: dict[str, Any]) -> str:
    return f"/api/paas/apps/{app['id']}/logs"


def blocks(answer: Any) -> Iterator[str]:
    """The events of an answer, as they stand in it; closes it at the end."""
    for chunk in answer.response:
        yield chunk.decode() if isinstance(chunk, bytes) else chunk
    answer.close()


def until_silence(answer: Any) -> list[Event]:
    """Id and data of each event before the first comment."""
    found = []
    for block in blocks(answer):
        if block.startswith(":"):
            answer.close()
            return found
        fields = dict(line.split(": ", 1) for line in block.strip().split("\n"))
        if "data" in fields:
            found.append((fields["id"], json.loads(fields["data"])))
    raise AssertionError("the stream ended")


def stream(client: FlaskClient, app: dict[str, Any], **options: Any) -> list[Event]:
    answer = client.get(f"{path(app)}/stream", buffered=False, **options)
    assert answer.status_code == 200, answer.text
    return until_silence(answer)


def texts(events: list[Event]) -> list[str]:
    return [data["message"] for _, data in events]


def test_events_to_the_letter(
    client: FlaskClient, running: dict[str, Any], target: NoGuests
) -> None:
    target.wrote = [wrote(1)]
    answer = client.get(f"{path(running)}/stream", buffered=False)
    assert answer.mimetype == "text/event-stream"
    assert answer.headers["X-Accel-Buffering"] == "no"
    found = blocks(answer)
    assert next(found) == "retry: 1000\n\n"
    key, data = next(found).split("\n", 1)
    assert key.startswith("id: ")
    assert data == (
        'data: {"timestamp":"2025-11-25T10:00:01Z","message":"line 1","source":"app"}\n\n'
    )
    answer.close()


def test_what_is_there_and_what_follows(
    client: FlaskClient, running: dict[str, Any], target: NoGuests
) -> None:
    target.wrote = [wrote(n) for n in range(3)]
    answer = client.get(f"{path(running)}/stream", buffered=False)
    found: list[str] = []
    for block in blocks(answer):
        if block.startswith(": "):
            if len(target.wrote) == 5:
                break
            target.wrote = [*target.wrote, wrote(len(target.wrote))]
        elif "data: " in block:
            found.append(json.loads(block.split("data: ")[1])["message"])
    answer.close()
    assert found == [f"line {n}" for n in range(5)]


def test_a_line_is_neither_lost_nor_repeated(
    client: FlaskClient, running: dict[str, Any], target: NoGuests
) -> None:
    target.wrote = [wrote(n // 3) for n in range(9)]
    whole = stream(client, running)
    assert len(whole) == 9
    assert len({key for key, _ in whole}) == 9
    for place, (key, _) in enumerate(whole, start=1):
        assert stream(client, running, headers={"Last-Event-ID": key}) == whole[place:]
        assert stream(client, running, query_string={"last_event_id": key}) == whole[place:]


def test_a_part_of_them(client: FlaskClient, running: dict[str, Any]) -> None:
    assert texts(stream(client, running, query_string={"limit": 2})) == ["line 18", "line 19"]
    query = {"search": "LINE 1", "since": "2025-11-25T10:00:12Z", "limit": 2}
    assert texts(stream(client, running, query_string=query)) == ["line 18", "line 19"]


def test_a_guest_cannot_break_out_of_its_events(
    client: FlaskClient, running: dict[str, Any], target: NoGuests
) -> None:
    hostile = "x\n\nid: 9\nevent: away\ndata: {}"
    line = wrote(1)
    target.wrote = [line, type(line)(line.at, hostile, hostile), type(line)("x", "y", "\u2028")]
    answer = client.get(f"{path(running)}/stream", buffered=False)
    found = blocks(answer)
    next(found)
    for _ in range(3):
        key, data, *rest = next(found).split("\n")
        assert (key[:4], data[:6], rest) == ("id: ", "data: ", ["", ""])
    answer.close()


@pytest.mark.parametrize(
    "given",
    ["x", "7", "2025-11-25T10:05:02Z/1", "12345678@2025-99-25T10:05:02/1", "12345678@x/1", ","],
)
def test_places_that_are_none(client: FlaskClient, running: dict[str, Any], given: str) -> None:
    answer = client.get(f"{path(running)}/stream", headers={"Last-Event-ID": given})
    assert (answer.status_code, answer.json) == (
        400,
        {"error": "Invalid Last-Event-ID. Must be the id of a line"},
    )
    answer = client.get(f"{path(running)}/stream", query_string={"last_event_id": given})
    assert (answer.status_code, answer.json) == (
        400,
        {"error": "Invalid last_event_id. Must be the id of a line"},
    )


def test_a_place_of_another_app_is_the_beginning(
    client: FlaskClient, running: dict[str, Any]
) -> None:
    key = "00000000@2025-11-25T10:00:10/1"
    assert len(stream(client, running, headers={"Last-Event-ID": key})) == 20


def test_a_stream_outlives_a_guest_that_is_away(
    client: FlaskClient, running: dict[str, Any], target: NoGuests
) -> None:
    target.wrote = [wrote(1)]
    answer = client.get(f"{path(running)}/stream", buffered=False)
    found: list[dict[str, str]] = []
    for block in blocks(answer):
        if "data: " in block:
            found.append(json.loads(block.split("data: ")[1]))
        if len(found) == 1:
            target.away = "Node pve1 is offline"
        elif len(found) == 2:
            target.away, target.wrote = "", [wrote(1), wrote(2)]
        elif len(found) == 3:
            break
    answer.close()
    assert [(line["source"], line["message"]) for line in found] == [
        ("app", "line 1"),
        ("platform", "Node pve1 is offline"),
        ("app", "line 2"),
    ]


def test_an_app_that_is_deleted_meanwhile(client: FlaskClient, running: dict[str, Any]) -> None:
    answer = client.get(f"{path(running)}/stream", buffered=False)
    found = blocks(answer)
    next(found)
    client.delete(f"/api/paas/apps/{running['id']}")
    *_, last = found
    assert last == 'event: away\ndata: {"error": "This application is deleted"}\n\n'


def test_too_many_streams(client: FlaskClient, app: Flask, running: dict[str, Any]) -> None:
    gate = app.extensions[GATE]
    leaves = [gate.enter() for _ in range(gate.places)]
    answer = client.get(f"{path(running)}/stream")
    assert (answer.status_code, list(answer.json)) == (503, ["error"])
    assert answer.headers["Retry-After"] == "5"
    leaves[0]()
    stream(client, running)
    assert gate.inside == gate.places - 1


# Tickets, for browsers that cannot send a header.


@pytest.fixture
def ticket(client: FlaskClient, running: dict[str, Any]) -> Callable[[], str]:
    def get() -> str:
        answer = client.post(f"{path(running)}/ticket")
        assert (answer.status_code, list(answer.json)) == (200, ["ticket", "expires_in"])
        assert answer.json["expires_in"] == 60
        found: str = answer.json["ticket"]
        return found

    return get


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """Somebody who sends no header."""
    return app.test_client()


def refused(answer: Any) -> bool:
    return answer.status_code == 401 and list(answer.json) == ["error"]


def test_a_ticket_opens_one_stream(
    browser: FlaskClient, running: dict[str, Any], ticket: Callable[[], str]
) -> None:
    assert refused(browser.get(f"{path(running)}/stream"))
    shown = ticket()
    assert len(stream(browser, running, query_string={"ticket": shown})) == 20
    assert refused(browser.get(f"{path(running)}/stream", query_string={"ticket": shown}))


def test_of_many_with_one_ticket_one_gets_in(
    app: Flask, running: dict[str, Any], ticket: Callable[[], str]
) -> None:
    shown = ticket()
    start = threading.Barrier(6)
    got: list[int] = []

    def come() -> None:
        start.wait()
        answer = app.test_client().get(
            f"{path(running)}/stream", query_string={"ticket": shown}, buffered=False
        )
        got.append(answer.status_code)
        answer.close()

    threads = [threading.Thread(target=come) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [200, 401, 401, 401, 401, 401]


def test_a_ticket_is_for_streaming_that_app_alone(
    client: FlaskClient, browser: FlaskClient, running: dict[str, Any], ticket: Callable[[], str]
) -> None:
    shown = ticket()
    other = client.post("/api/paas/apps", json=app_body()).json["app"]
    assert refused(browser.get(f"{path(other)}/stream", query_string={"ticket": shown}))
    assert refused(browser.get(path(running), query_string={"ticket": shown}))
    headers = {"Authorization": f"Bearer {shown}"}
    assert refused(browser.get(f"/api/paas/apps/{running['id']}", headers=headers))
    assert len(stream(browser, running, query_string={"ticket": shown})) == 20


def test_a_ticket_lasts_a_minute(
    browser: FlaskClient, running: dict[str, Any], core: Platform, ticket: Callable[[], str]
) -> None:
    shown = ticket()
    with core.store.write() as session:
        (row,) = session.query(StreamTicket).all()
        row.expires_at = utcnow() - timedelta(seconds=1)
    assert refused(browser.get(f"{path(running)}/stream", query_string={"ticket": shown}))
    ticket()
    with core.store.read() as session:
        assert session.query(StreamTicket).count() == 1


def test_a_ticket_is_kept_as_a_hash(
    running: dict[str, Any], core: Platform, ticket: Callable[[], str]
) -> None:
    shown = ticket()
    with core.store.read() as session:
        (row,) = session.query(StreamTicket).all()
    assert shown not in (row.hash, row.actor)
    assert tickets.redeem(core, running["id"], shown).permissions == {"logs:read"}


@pytest.mark.parametrize("given", ["", "x", "x" * 101, "a b", "'; --"])
def test_tickets_that_are_none(browser: FlaskClient, running: dict[str, Any], given: str) -> None:
    answer = browser.get(f"{path(running)}/stream", query_string={"ticket": given})
    assert answer.status_code in (400, 401)
    assert list(answer.json) == ["error"]


def test_a_deleted_app_opens_no_stream(
    client: FlaskClient,
    browser: FlaskClient,
    running: dict[str, Any],
    worker: InstantWorker,
    ticket: Callable[[], str],
) -> None:
    shown = ticket()
    client.delete(f"/api/paas/apps/{running['id']}")
    answer = browser.get(f"{path(running)}/stream", query_string={"ticket": shown})
    assert (answer.status_code, answer.json) == (404, {"error": "Application not found"})
