"""One log file, written whole lines at a time, rotated, and safe to show."""

import io
import json
import os
from pathlib import Path

from paas.running.journal import Journal, LogFile, Terminal


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_in_two_pieces_is_one_record(tmp_path: Path) -> None:
    path = tmp_path / "paas.log"
    journal = Journal(LogFile(path), Terminal(io.StringIO()))
    journal.collect("web", 7, b"first ha")
    journal.collect("worker", 8, b"between\n")
    journal.collect("web", 7, b"lf\nno newline at the end")
    journal.finish("web", 7)
    journal.close()
    assert [(r["role"], r["message"]) for r in records(path)] == [
        ("worker", "between"),
        ("web", "first half"),
        ("web", "no newline at the end"),
    ]


def test_bytes_that_are_no_text_do_not_break_the_log(tmp_path: Path) -> None:
    path = tmp_path / "paas.log"
    journal = Journal(LogFile(path), Terminal(io.StringIO()))
    journal.collect("web", 7, b"\xff\xfe{\n{broken json\n[1]\nnull\n")
    journal.close()
    assert len(records(path)) == 4


def test_the_role_is_the_pipe_s_whatever_a_line_says(tmp_path: Path) -> None:
    path = tmp_path / "paas.log"
    journal = Journal(LogFile(path), Terminal(io.StringIO()))
    journal.collect("worker", 7, b'{"time": "x", "level": "info", "message": "m", "role": "web"}\n')
    journal.close()
    assert records(path)[0]["role"] == "worker"


def test_a_full_file_is_rotated_and_the_oldest_falls_away(tmp_path: Path) -> None:
    path = tmp_path / "paas.log"
    file = LogFile(path, limit=100, kept=2)
    for number in range(12):
        file.append(json.dumps({"number": number, "padding": "x" * 15}))
    file.close()
    names = sorted(found.name for found in tmp_path.iterdir())
    assert names == ["paas.log", "paas.log.1", "paas.log.2"]
    kept = [r["number"] for name in reversed(names) for r in records(tmp_path / name)]
    assert kept == list(range(kept[0], 12))
    assert all((tmp_path / name).stat().st_size <= 100 for name in names)


def test_a_restart_goes_on_in_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "paas.log"
    for text in ("one", "two"):
        file = LogFile(path)
        file.append(text)
        file.close()
    assert path.read_text() == "one\ntwo\n"
    assert path.stat().st_mode & 0o077 == 0


def test_a_terminal_that_takes_nothing_does_not_stop_the_platform() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"), os.fdopen(writing, "w") as stream:
        terminal = Terminal(stream)
        for _ in range(2000):
            terminal.show("x" * 300)


def test_a_terminal_that_is_gone_does_not_stop_the_platform() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        Terminal(stream).show("nobody reads this")


def test_a_quiet_terminal_shows_what_is_wrong(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as shown, os.fdopen(writing, "w") as stream:
        journal = Journal(LogFile(tmp_path / "paas.log"), Terminal(stream, quiet=True))
        journal.collect("web", 7, b"everyday\n")
        journal.collect("web", 7, b'{"time": "x", "level": "error", "message": "disk full"}\n')
        journal.close()
        stream.close()
        text = shown.read().decode()
    assert "everyday" not in text
    assert "ERROR: disk full" in text


def test_what_was_hushed_is_shown_when_its_role_has_failed(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as shown, os.fdopen(writing, "w") as stream:
        file = LogFile(tmp_path / "paas.log")
        journal = Journal(file, Terminal(stream), hushed=frozenset({"redis"}))
        journal.collect("redis", 7, b"Bad file format\n")
        journal.collect("web", 8, b"serving\n")
        journal.reveal("redis")
        journal.close()
        stream.close()
        lines = shown.read().decode().splitlines()
    assert [line.split(maxsplit=2)[2] for line in lines] == ["serving", "Bad file format"]
