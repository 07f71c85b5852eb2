from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from paas.domain.errors import NotFound
from paas.domain.views import EventView
from paas.engine.platform import Platform
from paas.services import actors
from paas.store.events import entry
from paas.web import story
from tests.factories import ACTOR
from tests.web.support import add_app, add_events

START = datetime(2026, 5, 4, 12, tzinfo=UTC)


def marks(*steps: tuple[str, str, float]) -> list[EventView]:
    """Step events: name, state, seconds after the start."""
    return [
        EventView(number, "step", name, state, START + timedelta(seconds=at))
        for number, (name, state, at) in enumerate(steps, 1)
    ]


def shown(*steps: tuple[str, str, float], now: float = 0) -> list[tuple[str, str, float]]:
    found = story.steps(marks(*steps), START + timedelta(seconds=now))
    return [(step.name, step.state, step.seconds) for step in found]


def test_a_step_counts_from_its_start_to_its_end_or_until_now() -> None:
    found = shown(("fetch", "started", 0), ("fetch", "done", 2), ("reserve", "started", 2), now=5)
    assert found == [("fetch", "done", 2), ("reserve", "started", 3)]


def test_an_interrupted_step_counts_from_its_first_start() -> None:
    found = shown(
        ("fetch", "started", 0),
        ("fetch", "done", 1),
        ("provision", "started", 1),
        ("provision", "started", 31),
        ("provision", "done", 36),
    )
    assert found == [("fetch", "done", 1), ("provision", "done", 35)]


def test_a_first_step_that_starts_again_is_the_same_operation() -> None:
    assert shown(("fetch", "started", 0), ("fetch", "started", 3), ("fetch", "done", 4)) == [
        ("fetch", "done", 4)
    ]


def test_only_the_newest_operation_is_shown() -> None:
    deploy = (("fetch", "started", 0), ("fetch", "done", 1), ("finish", "started", 1))
    assert shown(*deploy, ("halt", "started", 9), ("halt", "done", 10)) == [("halt", "done", 1)]
    assert shown(*deploy, ("fetch", "started", 9), now=10) == [("fetch", "started", 1)]
    assert shown(*deploy, ("destroy", "started", 9), ("destroy", "done", 10)) == [
        ("destroy", "done", 1)
    ]


def test_a_failed_step_stays_failed_when_it_is_undone() -> None:
    found = shown(
        ("fetch", "started", 0),
        ("fetch", "done", 1),
        ("check", "started", 1),
        ("check", "failed", 4),
        ("check", "undone", 5),
        ("fetch", "undone", 6),
    )
    assert found == [("fetch", "undone", 1), ("check", "failed", 3)]


def test_shares_are_of_the_longest_step() -> None:
    found = story.steps(
        marks(
            ("fetch", "started", 0),
            ("fetch", "done", 1),
            ("configure", "started", 1),
            ("configure", "done", 5),
        )
    )
    assert [step.share for step in found] == [25, 100]


def test_lines_and_headings_come_in_order_and_the_stream_goes_on_after_them(
    core: Platform,
) -> None:
    app_id = add_app(
        core, entry("step", "fetch", "started"), entry("log", "git", "\x1b[36mmain\x1b[0m")
    )
    found = story.read(core, actors.default(core), app_id)
    assert [(line.stream, str(line.html), line.mark) for line in found.lines] == [
        ("step", "Fetch the source", True),
        ("git", '<span class="c6">main</span>', False),
    ]
    assert found.seq == 3  # The status that the app began with is the first.
    assert not found.cut


def test_of_a_long_story_the_newest_lines_are_kept(core: Platform) -> None:
    lines = [entry("log", "ansible", f"line {n}") for n in range(story.LINES_SHOWN + 300)]
    found = story.read(core, actors.default(core), add_app(core, *lines))
    assert len(found.entries) == story.LINES_SHOWN
    assert found.entries[-1].text == f"line {story.LINES_SHOWN + 299}"
    assert found.cut


def test_a_story_goes_on_where_it_was_read_and_is_the_actor_s_alone(core: Platform) -> None:
    app_id = add_app(core, entry("log", "git", "one"))
    actor = actors.default(core)
    story.read(core, actor, app_id)
    add_events(core, app_id, entry("log", "git", "two"))
    assert [line.html for line in story.read(core, actor, app_id).lines] == ["one", "two"]
    with pytest.raises(NotFound):
        story.read(core, replace(ACTOR, tenant_id=999), app_id)


def test_only_some_readings_are_kept(core: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "READINGS_KEPT", 2)
    ids = [add_app(core, entry("log", "git", f"of {n}")) for n in range(4)]
    for _ in range(2):
        for number, app_id in enumerate(ids):
            found = story.read(core, actors.default(core), app_id)
            assert [line.html for line in found.lines] == [f"of {number}"]
    assert len(story._readings) == 2
