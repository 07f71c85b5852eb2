"""The arithmetic and the table of the bench; its measuring is not a test."""

import os
from pathlib import Path

import pytest

from bench import memory, report
from bench.figures import Measure, Samples, percentile, ratio


def test_samples_show_median_and_spread() -> None:
    assert str(Samples([3.0, 1.0, 2000.0], "ms")) == "3.0 ms (1.0 to 2,000.0)"
    assert str(Samples([3.0], "MB", 0)) == "3 MB"
    assert ratio(Samples([1, 2, 3], "s"), Samples([4, 4, 4], "s")) == 0.5


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 51), (0.99, 100), (1.0, 100)])
def test_percentile(share: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


@pytest.mark.parametrize(
    ("figure", "at_least", "kept"),
    [(0.5, False, True), (0.6, False, False), (0.5, True, True), (0.4, True, False)],
)
def test_a_bound_may_be_either_way(figure: float, at_least: bool, kept: bool) -> None:
    assert Measure("x", "", "", figure, 0.5, at_least=at_least).kept is kept


def test_the_document_has_every_line_and_the_reasons_of_missed_bounds(tmp_path: Path) -> None:
    good = Measure("fast thing", "1 s", "2 s", 0.5, 1.0, reason="never shown")
    bad = Measure("slow thing", "2 s", "1 s", 2.0, 1.0, reason="it is slow.")
    report.write(tmp_path / "b.md", [good, bad], 7.0)
    text = (tmp_path / "b.md").read_text()
    assert "| fast thing | 1 s | 2 s | 0.50 x | at most 1.00 x | kept |" in text
    assert "| slow thing | 2 s | 1 s | 2.00 x | at most 1.00 x | **missed** |" in text
    assert "- slow thing: it is slow." in text
    assert "never shown" not in text


def test_this_process_has_memory() -> None:
    pids = memory.tree(os.getpid())
    assert pids[0] == os.getpid()
    assert memory.pss_mb(pids)[os.getpid()] > 1
    assert memory.name_of(os.getpid())
