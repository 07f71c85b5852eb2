"""The output of an app: all replicas as one log, secrets stay secret, every line comes once."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from types import SimpleNamespace

import pytest

from paas.domain.errors import Conflict, Forbidden, NotFound, Unreachable
from paas.domain.output import Line, Query
from paas.domain.states import AppState, GuestState
from paas.engine.platform import Platform
from paas.services import logs, output
from paas.store import apps, guests
from paas.store.models import App, Release
from paas.targets.contract import Place, RuntimeLine
from tests.factories import ACTOR, app_row

AT = "2026-01-01T00:00:{:02}.000000+00:00"
ALL = Query(1000)
SECRET = "hunter2-hunter2"


@dataclass
class Writing:
    """A target whose replicas, by their numbers, wrote these lines; ``away`` cannot be read."""

    lines: dict[int, list[RuntimeLine]] = field(default_factory=dict)
    away: set[int] = field(default_factory=set)
    endpoint: str = "local"

    def say(self, second: int, text: str, slot: int = 1, stream: str = "stdout") -> None:
        line = RuntimeLine(AT.format(second), stream, text)
        self.lines.setdefault(slot, []).append(line)

    def runtime_log(self, guest, *, limit, since="", search=""):
        slot = guest.vmid % 100
        if slot in self.away:
            raise Unreachable(f"Node pve{slot} is offline")
        chosen = [one for one in self.lines.get(slot, []) if one.at >= since]
        yield from chosen[-limit:]


@pytest.fixture
def writing() -> Writing:
    return Writing()


@pytest.fixture
def reading(platform: Platform, writing: Writing) -> Platform:
    return replace(platform, targets={"local": writing})  # type: ignore[dict-item]


@pytest.fixture
def app_id(platform: Platform) -> str:
    """An app with one replica."""
    with platform.store.write() as session:
        app = app_row(session, environment=platform.store.vault.seal_map({"KEY": SECRET}))
        add_replica(session, app, 1)
        return app.uuid


def add_replica(session, app: App, slot: int) -> None:
    place = Place("local", "here", f"127.77.0.{slot}")
    guest = guests.reserve(session, app, "local", place, 100_000 + slot, slot)
    guest.state = GuestState.PRESENT


@pytest.fixture
def scale(platform: Platform, app_id: str) -> Callable[[int], None]:
    def to(slot: int) -> None:
        with platform.store.write() as session:
            add_replica(session, apps.find(session, ACTOR, app_id), slot)

    return to


@pytest.fixture
def release(platform: Platform) -> Callable[[str, dict[str, str]], None]:
    def add(app_id: str, variables: dict[str, str]) -> None:
        with platform.store.write() as session:
            app = apps.find(session, ACTOR, app_id)
            values = platform.store.vault.seal_map(variables)
            session.add(
                Release(
                    app_id=app.id,
                    number=1,
                    sha="0" * 40,
                    archive="",
                    plan={},
                    environment=b"",
                    variables=values,
                )
            )

    return add


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What happens while a follower waits, one thing at each wait and nothing ever after."""

    def happens(*things: Callable[[], object]) -> None:
        left = iter(things)
        # Only the follower's own clock: threads of other tests may sleep beside it.
        clock = SimpleNamespace(
            monotonic=time.monotonic, sleep=lambda _: next(left, lambda: None)()
        )
        monkeypatch.setattr(logs, "time", clock)

    return happens


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A keepalive at every look in which nothing was written."""
    monkeypatch.setattr(logs, "KEEPALIVE_SECONDS", -1.0)


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]


def until_silence(lines: Iterator[Line | None]) -> list[Line]:
    found = []
    for line in lines:
        if line is None:
            return found
        found.append(line)
    raise AssertionError("a follower never ends by itself")


def test_all_replicas_are_one_log(
    reading: Platform, writing: Writing, app_id: str, scale: Callable[[int], None]
) -> None:
    scale(2)
    scale(3)
    for second, slot in ((1, 1), (2, 3), (3, 2), (4, 1), (4, 2), (5, 3)):
        writing.say(second, f"{second} of {slot}", slot)
    writing.say(6, "ended", 2, "supervisor")
    found = logs.runtime(reading, ACTOR, app_id, ALL)
    assert [(line.source, line.text) for line in found] == [
        ("app.1", "1 of 1"),
        ("app.3", "2 of 3"),
        ("app.2", "3 of 2"),
        ("app.1", "4 of 1"),
        ("app.2", "4 of 2"),
        ("app.3", "5 of 3"),
        ("supervisor.2", "ended"),
    ]
    assert texts(logs.runtime(reading, ACTOR, app_id, Query(2))) == ["5 of 3", "ended"]
    since = Query(1000, since=AT.format(5))
    assert texts(logs.runtime(reading, ACTOR, app_id, since)) == ["5 of 3", "ended"]


def test_one_replica_has_no_number(reading: Platform, writing: Writing, app_id: str) -> None:
    writing.say(1, "hello")
    assert [line.source for line in logs.runtime(reading, ACTOR, app_id, ALL)] == ["app"]


def test_a_search_does_not_mind_case(reading: Platform, writing: Writing, app_id: str) -> None:
    for second, text in enumerate(("An Error", "fine", "ERROR again", "an err or")):
        writing.say(second, text)
    found = logs.runtime(reading, ACTOR, app_id, Query(1000, search="eRRor"))
    assert texts(found) == ["An Error", "ERROR again"]
    found = logs.runtime(reading, ACTOR, app_id, Query(1, search="error"))
    assert texts(found) == ["ERROR again"]


def test_a_search_does_not_find_out_what_a_secret_is(
    reading: Platform, writing: Writing, app_id: str
) -> None:
    writing.say(1, "somebody wrote hunter3")
    writing.say(2, f"the key is {SECRET}")
    for guess, found in (("hunter", ["somebody wrote hunter3"]), ("hunter2", [])):
        assert texts(logs.runtime(reading, ACTOR, app_id, Query(1, search=guess))) == found


def test_a_secret_across_the_cut_of_a_long_line(
    reading: Platform, writing: Writing, app_id: str
) -> None:
    writing.say(1, "x" * (output.PIECE - 4) + SECRET[:4])
    writing.say(1, "another stream", stream="stderr")
    writing.say(1, SECRET[4:] + " and more")
    first, other, second = texts(logs.runtime(reading, ACTOR, app_id, ALL))
    assert first.endswith("x[hidden]")
    assert (other, second) == ("another stream", " and more")
    # Alone the end is not known as one, but for its length.
    assert texts(logs.runtime(reading, ACTOR, app_id, Query(1))) == [" and more"]


def test_a_value_that_was_changed_stays_a_secret(
    reading: Platform, writing: Writing, app_id: str, release
) -> None:
    release(app_id, {"KEY": "an-older-value"})
    writing.say(1, "connected with an-older-value")
    assert texts(logs.runtime(reading, ACTOR, app_id, ALL)) == ["connected with [hidden]"]


def test_nobody_reads_what_is_not_his(reading: Platform, writing: Writing, app_id: str) -> None:
    writing.say(1, "private")
    stranger = replace(ACTOR, tenant_id=ACTOR.tenant_id + 1)
    with pytest.raises(NotFound):
        logs.runtime(reading, stranger, app_id, ALL)
    with pytest.raises(NotFound):
        logs.follow(reading, stranger, app_id, ALL)
    powerless = replace(ACTOR, permissions=frozenset())
    with pytest.raises(Forbidden):
        logs.runtime(reading, powerless, app_id, ALL)
    with pytest.raises(Forbidden):
        logs.follow(reading, powerless, app_id, ALL)


def test_a_replica_that_cannot_be_read_is_told_of(
    reading: Platform, writing: Writing, app_id: str, scale: Callable[[int], None]
) -> None:
    scale(2)
    writing.say(1, "one")
    writing.away = {2}
    found = logs.runtime(reading, ACTOR, app_id, ALL)
    assert [(line.source, line.text) for line in found] == [
        ("app.1", "one"),
        ("platform", "Replica 2 cannot be read now: Node pve2 is offline"),
    ]
    writing.away = {1, 2}
    with pytest.raises(Unreachable, match="Node pve1 is offline"):
        logs.runtime(reading, ACTOR, app_id, ALL)


def test_a_follower_gets_lines_that_are_alike_as_often_as_they_were_written(
    reading: Platform, writing: Writing, app_id: str, meanwhile
) -> None:
    def write_on() -> None:
        writing.say(1, "tick")
        writing.say(2, "tock")

    meanwhile(write_on, write_on, write_on)
    writing.say(1, "tick")
    following = logs.follow(reading, ACTOR, app_id, ALL)
    assert texts(list(islice(following, 5))) == ["tick", "tick", "tock", "tock", "tock"]


def test_whoever_comes_back_gets_every_line_once(
    reading: Platform,
    writing: Writing,
    app_id: str,
    scale: Callable[[int], None],
    meanwhile,
    impatient,
) -> None:
    scale(2)
    meanwhile(*(lambda: None for _ in range(100)))
    for second in range(5):
        for slot in (1, 2, 2):
            writing.say(second, f"{second} of {slot}", slot)
            writing.say(second, f"{second} of {slot}, again", slot)
    whole = until_silence(logs.follow(reading, ACTOR, app_id, ALL))
    assert len(whole) == 30
    for place, line in enumerate(whole, start=1):
        rest = until_silence(logs.follow(reading, ACTOR, app_id, ALL, line.places))
        assert texts(rest) == texts(whole[place:])


def test_only_the_newest_to_begin_with_and_nothing_of_the_rest_when_coming_back(
    reading: Platform,
    writing: Writing,
    app_id: str,
    scale: Callable[[int], None],
    meanwhile,
    impatient,
) -> None:
    scale(2)
    meanwhile()
    writing.say(1, "old of 2", 2)
    for number in range(output.BEFORE + 20):
        writing.say(2, f"burst {number}")
    newest = until_silence(logs.follow(reading, ACTOR, app_id, Query(3)))
    last = output.BEFORE + 19
    assert texts(newest) == [f"burst {n}" for n in range(last - 2, last + 1)]
    writing.say(2, "one more of 2", 2)
    again = until_silence(logs.follow(reading, ACTOR, app_id, Query(3), newest[0].places))
    assert sorted(texts(again)) == [f"burst {last - 1}", f"burst {last}", "one more of 2"]


def test_a_new_replica_is_followed_from_its_first_line(
    reading: Platform,
    writing: Writing,
    app_id: str,
    scale: Callable[[int], None],
    meanwhile,
    impatient,
) -> None:
    writing.say(5, "one")

    def grow() -> None:
        writing.say(4, "hello of 2", 2)
        scale(2)

    meanwhile(grow)
    following = logs.follow(reading, ACTOR, app_id, ALL)
    found = [line for line in islice(following, 4) if line]
    assert [(line.source, line.text) for line in found] == [
        ("app", "one"),
        ("app.2", "hello of 2"),
    ]
    assert len(found[-1].places) == 2


def test_a_search_is_followed(
    reading: Platform, writing: Writing, app_id: str, meanwhile, impatient
) -> None:
    writing.say(1, "needle")
    writing.say(1, "hay")
    meanwhile(lambda: writing.say(1, "hay"), lambda: writing.say(2, "Needle again"))
    following = logs.follow(reading, ACTOR, app_id, Query(1000, search="needle"))
    found = [line for line in islice(following, 5) if line]
    assert texts(found) == ["needle", "Needle again"]


def test_lines_that_were_lost_are_told_of_once(
    reading: Platform, writing: Writing, app_id: str, meanwhile, impatient
) -> None:
    def turn_over() -> None:
        writing.lines[1] = []
        writing.say(9, "much later")

    writing.say(1, "one")
    meanwhile(turn_over)
    following = logs.follow(reading, ACTOR, app_id, ALL)
    found = [line for line in islice(following, 6) if line]
    assert texts(found) == ["one", output.MISSING, "much later"]


def test_a_patient_follower_outlives_its_guest_and_an_impatient_one_does_not(
    reading: Platform, writing: Writing, app_id: str, meanwhile, impatient
) -> None:
    def come_back() -> None:
        writing.away = set()
        writing.say(2, "back")

    writing.say(1, "one")
    steps = (lambda: writing.away.add(1), lambda: None, come_back)
    meanwhile(*steps)
    following = logs.follow(reading, ACTOR, app_id, ALL, patient=True)
    found = [line for line in islice(following, 4) if line]
    assert texts(found) == ["one", "Node pve1 is offline", "back"]
    meanwhile(*steps)
    following = logs.follow(reading, ACTOR, app_id, ALL)
    with pytest.raises(Unreachable):
        list(islice(following, 9))


def test_a_replica_that_was_away_at_first_does_not_tell_its_past(
    reading: Platform,
    writing: Writing,
    app_id: str,
    scale: Callable[[int], None],
    meanwhile,
    impatient,
) -> None:
    scale(2)
    writing.away = {2}
    writing.say(1, "one")
    writing.say(1, "past of 2", 2)
    meanwhile(lambda: writing.away.clear(), lambda: None)
    following = logs.follow(reading, ACTOR, app_id, ALL)
    found = [line for line in islice(following, 4) if line]
    assert texts(found) == ["one", "Replica 2 cannot be read now: Node pve2 is offline"]


def test_a_deleted_app_is_followed_no_more(
    platform: Platform, reading: Platform, writing: Writing, app_id: str, meanwhile, impatient
) -> None:
    def delete() -> None:
        with platform.store.write() as session:
            apps.set_state(session, apps.find(session, ACTOR, app_id), AppState.DELETED)

    meanwhile(delete)
    with pytest.raises(Conflict, match=logs.GONE):
        list(islice(logs.follow(reading, ACTOR, app_id, ALL), 5))
    with pytest.raises(Conflict, match=logs.GONE):
        logs.follow(reading, ACTOR, app_id, ALL)
