"""Text, events and the two displays, without a platform."""

import io
from datetime import UTC, datetime

import pytest

from paas.cli.events import Event, blocks, event_of
from paas.cli.progress import Plain, Story, Terminal, display_for
from paas.cli.text import age, duration, neutral, neutral_lines, table


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain ünï 漢字\tx", "plain ünï 漢字\tx"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\rc", "a\\x0ab\\x0dc"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31m\x7f\x00", "\\x9b31m\\x7f\\x00"),
        ("x\u202ey\u2066\ufeff\u200b", "x\\u202ey\\u2066\\ufeff\\u200b"),
        ("\ud800", "\\ud800"),
        ("\x1b\x1b[31m[2J", "\\x1b[2J"),
    ],
)
def test_neutral(given: str, shown: str) -> None:
    assert neutral(given) == shown


def test_colours_may_stay_and_are_ended() -> None:
    assert neutral("\x1b[1;31mred\x1b[K", colour=True) == "\x1b[1;31mred\\x1b[K\x1b[0m"
    assert neutral("\x1b\x1b[31m[2J", colour=True) == "\\x1b\x1b[31m[2J\x1b[0m"
    assert neutral("none", colour=True) == "none"


def test_lines_stay_lines() -> None:
    assert neutral_lines("a\r\nb\n\x07") == "a\nb\n\\x07"


def test_table_has_columns() -> None:
    assert table(["A", "B"], [["long", "x"], ["s", "\n"]]) == ["A     B", "long  x", "s     \\x0a"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0.0 s"), (0.44, "0.4 s"), (59.9, "59.9 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_age() -> None:
    now = datetime(2025, 1, 2, 0, 0, 0, tzinfo=UTC)
    assert age("2025-01-01T00:00:00Z", now) == "1 d"
    assert age("2025-01-01T23:58:30", now) == "1 min"
    assert age("2025-01-03T00:00:00Z", now) == "0 s"
    assert (age(None), age("yesterday")) == ("-", "-")


def test_the_stream_is_read_line_by_line() -> None:
    lines = (
        b": keepalive\n\nid: 1\nevent: log\n"
        b'data: {"seq": 1, "kind": "log", "stream": "git",\n'
        b'data: "text": "x", "at": "t"}\r\n\nevent: log\ndata: not json\n\n'
        b'data: [1]\n\nevent: step\ndata: {"seq": 2}\n\ndata: {"seq": 3}\n'
    ).splitlines(keepends=True)
    found = [event_of(block) for block in blocks(lines)]
    assert [event for event in found if event] == [
        Event(1, "log", "git", "x", "t"),
        Event(2, "step", "", "", ""),
    ]


class Tty(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_the_display_suits_its_stream() -> None:
    assert isinstance(display_for(io.StringIO(), Story(), verbose=False), Plain)
    assert isinstance(display_for(Tty(), Story(), verbose=False), Terminal)


def test_the_terminal_shows_steps_and_the_newest_line() -> None:
    out, story = Tty(), Story()
    display = display_for(out, story, verbose=False)
    for event in (
        Event(1, "step", "fetch", "started", "2025-01-01T00:00:00Z"),
        Event(2, "log", "git", "evil \x1b[2J" + "漢" * 200, "2025-01-01T00:00:00Z"),
        Event(3, "step", "fetch", "failed", "2025-01-01T00:00:01.5Z"),
    ):
        story.take(event)
        display.show(event)
        display.tick()
    display.close()
    text = out.getvalue()
    assert "fetch" in text
    assert "1.5 s failed" in text
    assert "evil \\x1b[2J漢" in text
    assert "\x1b[2J" not in text
    assert text.endswith("\r\x1b[2K")
