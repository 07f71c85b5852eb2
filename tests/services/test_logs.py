"""The app's own output: secrets stay secret, and a follower gets every line once."""

from dataclasses import dataclass, field, replace

import pytest

from paas.engine.platform import Platform
from paas.services import logs
from paas.store import guests
from paas.targets.contract import Place, RuntimeLine
from tests.factories import ACTOR, app_row

AT = "2026-01-01T00:00:0{}.000000Z"


@dataclass
class Writing:
    """A target whose one app wrote these lines."""

    lines: list[RuntimeLine] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def say(self, second: int, text: str) -> None:
        self.lines.append(RuntimeLine(AT.format(second), "stdout", text))

    def runtime_log(self, guest, *, limit, since="", search=""):
        self.asked.append((since, search))
        chosen = [one for one in self.lines if one.at >= since and search in one.text]
        yield from chosen[-limit:]


@pytest.fixture
def writing() -> Writing:
    return Writing()


@pytest.fixture
def app_id(platform: Platform, writing: Writing) -> str:
    with platform.store.write() as session:
        sealed = platform.store.vault.seal_map({"KEY": "hunter2-hunter2"})
        app = app_row(session, environment=sealed)
        guests.reserve(session, app, "local", Place("local", "here", "127.77.0.9"), 100_000)
        return app.uuid


@pytest.fixture
def reading(platform: Platform, writing: Writing) -> Platform:
    return replace(platform, targets={"local": writing})  # type: ignore[dict-item]


def texts(lines: list[RuntimeLine]) -> list[str]:
    return [line.text for line in lines]


def test_a_search_does_not_find_out_what_a_secret_is(
    reading: Platform, writing: Writing, app_id: str
) -> None:
    writing.say(1, "the key is hunter2-hunter2")
    writing.say(2, "the door is open")
    assert logs.runtime(reading, ACTOR, app_id, 10, search="hunter") == []
    assert len(logs.runtime(reading, ACTOR, app_id, 10, search="the ")) == 2


def test_a_follower_gets_lines_that_are_alike_as_often_as_they_were_written(
    reading: Platform, writing: Writing, app_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_on(_seconds: float) -> None:
        writing.say(1, "tick")
        writing.say(2, "tock")

    monkeypatch.setattr(logs.time, "sleep", write_on)
    writing.say(1, "tick")
    following = logs.follow(reading, ACTOR, app_id, since=AT.format(0))
    assert [next(following).text for _ in range(5)] == ["tick", "tick", "tock", "tock", "tock"]


def test_a_search_that_nothing_matches_is_followed_from_the_newest_line(
    reading: Platform, writing: Writing, app_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(2, 6))

    def write_on(_seconds: float) -> None:
        second = next(seconds)
        writing.say(second, "needle" if second == 5 else "hay")

    monkeypatch.setattr(logs.time, "sleep", write_on)
    writing.say(1, "needle")
    writing.say(1, "hay")
    following = logs.follow(reading, ACTOR, app_id, since=AT.format(0), search="needle")
    assert [next(following).at for _ in range(2)] == [AT.format(1), AT.format(5)]
    assert [since for since, _ in writing.asked[2:]] == [AT.format(n) for n in range(1, 5)]
