"""How long a stream lasts: the same for all of them. Nobody waits here; the clock is put on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from paas.api import streams
from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services import accounts, events, logs, members, tickets, tokens, users
from tests.api.support import TOKEN
from tests.services import people

Follow = Callable[..., Iterator[str]]
STREAMS = {
    "events": "/api/deployments/{}/events",
    "output": "/api/deployments/{}/runtime-logs?follow=1",
    "logs": "/api/paas/apps/{}/logs/stream",
}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The streams' clock; their sources look without a pause, and tell of each silence."""
    made = Clock()
    monkeypatch.setattr(streams, "clock", made)
    monkeypatch.setattr(events, "KEEPALIVE_SECONDS", -1.0)
    monkeypatch.setattr(logs, "FOLLOW_SECONDS", 0.0)
    monkeypatch.setattr(logs, "KEEPALIVE_SECONDS", -1.0)
    return made


@pytest.fixture
def follow(client: FlaskClient) -> Iterator[Follow]:
    """Opens a stream; all are closed at the end."""
    answers: list[Any] = []

    def opened(path: str, token: str = TOKEN, **headers: str) -> Iterator[str]:
        headers["Authorization"] = f"Bearer {token}"
        answer = client.get(path, headers=headers, buffered=False)
        assert answer.status_code == 200, answer.text
        answers.append(answer)
        return (part.decode() for part in answer.iter_encoded())

    yield opened
    for answer in answers:
        answer.close()


def until_silence(stream: Iterator[str]) -> list[str]:
    """The events before the next keepalive; fails at the end of the stream."""
    found: list[str] = []
    for part in stream:
        if part == streams.KEEPALIVE:
            return found
        if part.startswith("id: "):
            found.append(part)
    raise AssertionError("the stream ended")


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_ends_after_a_quarter_of_an_hour(
    follow: Follow, deployed: dict[str, Any], clock: Clock, kind: str
) -> None:
    stream = follow(STREAMS[kind].format(deployed["id"]))
    assert until_silence(stream)
    clock.now = 15 * 60 - 1.0
    assert until_silence(stream) == []
    clock.now += 1.0
    assert list(stream) == []


@pytest.mark.parametrize("kind", STREAMS)
def test_nothing_is_lost_by_the_end(
    follow: Follow, deployed: dict[str, Any], clock: Clock, kind: str
) -> None:
    path = STREAMS[kind].format(deployed["id"])
    whole = until_silence(follow(path))
    stream = follow(path)
    _retry, *got = [next(stream) for _ in range(3)]
    clock.now += 15 * 60
    assert list(stream) == []
    key = got[-1].split("\n")[0].removeprefix("id: ")
    assert got + until_silence(follow(path, **{"Last-Event-ID": key})) == whole


@pytest.mark.parametrize("kind", STREAMS)
def test_a_revoked_token_ends_its_streams_within_a_minute(
    follow: Follow, core: Platform, deployed: dict[str, Any], clock: Clock, kind: str
) -> None:
    owner = people.owner(core)
    made = tokens.create(core, owner, "follower", [Permission.APPS_READ, Permission.LOGS_READ])
    stream = follow(STREAMS[kind].format(deployed["id"]), made.token)
    until_silence(stream)
    clock.now += 60.0
    until_silence(stream)
    tokens.revoke(core, owner, made.view.id)
    until_silence(stream)
    clock.now += 60.0
    assert list(stream) == []


def opened_by_ticket(client: FlaskClient, core: Platform, app_id: str, actor: Actor) -> Any:
    shown = tickets.issue(core, actor, app_id)
    path = f"{STREAMS['logs'].format(app_id)}?ticket={shown}"
    answer = client.get(path, buffered=False)
    assert answer.status_code == 200, answer.text
    return answer


def end_of_sign_in(core: Platform, me: Actor) -> None:
    accounts.sign_out(core, me)


def end_of_membership(core: Platform, me: Actor) -> None:
    members.remove(core, people.owner(core), people.uuid_of(core, me.name))


def end_of_user(core: Platform, me: Actor) -> None:
    users.set_active(core, people.admin(core), people.uuid_of(core, me.name), False)


ENDS = [end_of_sign_in, end_of_membership, end_of_user]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("by_token", [False, True])
def test_a_stream_by_ticket_ends_with_what_its_user_may(
    client: FlaskClient,
    core: Platform,
    deployed: dict[str, Any],
    clock: Clock,
    end: Callable[[Platform, Actor], None],
    by_token: bool,
) -> None:
    me = people.actor(core, people.add_user(core))
    asks = replace(me, sign_in=None) if by_token else me
    answer = opened_by_ticket(client, core, deployed["id"], asks)
    stream = (part.decode() for part in answer.iter_encoded())
    until_silence(stream)
    clock.now += 60.0
    until_silence(stream)
    end(core, me)
    clock.now += 60.0
    if by_token and end is end_of_sign_in:
        until_silence(stream)
    else:
        assert list(stream) == []
    answer.close()
