"""Reading an app's output from the end of its files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from paas.targets.contract import RuntimeLine
from paas.targets.local import runtime_log
from paas.targets.local.sandbox import applog, layout

BLOCK = 256


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(runtime_log, "BLOCK", BLOCK)
    layout.log_folder(tmp_path).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def write(guest: Path) -> Callable[..., list[RuntimeLine]]:
    """Write texts as a supervisor does, and get the lines that they are."""

    def add(*texts: str) -> list[RuntimeLine]:
        log = applog.AppLog(layout.log_folder(guest))
        for text in texts:
            log.write("stdout", text)
        log.close()
        return list(runtime_log.tail(guest, 10_000))

    return add


def texts(lines: object) -> list[str]:
    return [line.text for line in lines]  # type: ignore[attr-defined]


def test_lines_of_every_length(guest: Path, write: Callable[..., list[RuntimeLine]]) -> None:
    wanted = [str(length) * length for length in range(1, 60)]
    wanted += ["x" * size for size in (BLOCK - 1, BLOCK, BLOCK + 1, BLOCK * 7)]
    assert texts(write(*wanted)) == wanted
    for limit in (0, 1, 5, len(wanted), 1000):
        assert texts(runtime_log.tail(guest, limit)) == wanted[len(wanted) - min(limit, 63) :]


def test_both_files_are_one_log(guest: Path, write: Callable[..., list[RuntimeLine]]) -> None:
    folder = layout.log_folder(guest)
    write("one", "two")
    (folder / "app.log").rename(folder / "app.log.1")
    assert texts(write("three")) == ["one", "two", "three"]
    assert texts(runtime_log.tail(guest, 2)) == ["two", "three"]


def test_a_file_that_is_turned_over_between_two_looks_is_read_once(
    guest: Path, write: Callable[..., list[RuntimeLine]]
) -> None:
    folder = layout.log_folder(guest)
    write("one", "two")
    (folder / "app.log.1").hardlink_to(folder / "app.log")
    assert texts(runtime_log.tail(guest, 100)) == ["one", "two"]


def test_since_and_search(guest: Path, write: Callable[..., list[RuntimeLine]]) -> None:
    lines = write(*(f"line {number}" for number in range(50)))
    for place in (0, 1, 25, 49):
        since = lines[place].at
        wanted = [line for line in lines if line.at >= since]
        assert list(runtime_log.tail(guest, 100, since=since)) == wanted
    assert texts(runtime_log.tail(guest, 2, search="line 1")) == ["line 18", "line 19"]
    assert list(runtime_log.tail(guest, 9, since="9999")) == []


def test_what_is_no_line_is_left_out(guest: Path, write: Callable[..., list[RuntimeLine]]) -> None:
    path = layout.log_folder(guest) / "app.log"
    write("one")
    with path.open("ab") as file:
        file.write(b'\n{"at": 1}\n[]\n\xff\n{"at": "2999", "stream": "stdout", "te')
    assert texts(runtime_log.tail(guest, 100)) == ["one"]


def test_a_guest_that_has_written_nothing(guest: Path) -> None:
    assert list(runtime_log.tail(guest, 100)) == []
