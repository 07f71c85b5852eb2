"""Samples, their summaries, and the table they end in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Samples:
    """Values of one thing, in one unit; ``digits`` after the point are shown."""

    values: Sequence[float]
    unit: str
    digits: int = 1

    @property
    def median(self) -> float:
        """The middle value."""
        return median(self.values)

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        middle, low_text, high_text = (self._text(v) for v in (self.median, low, high))
        if len(self.values) == 1:
            return f"{middle} {self.unit}"
        return f"{middle} {self.unit} ({low_text} to {high_text})"

    def _text(self, value: float) -> str:
        return f"{value:,.{self.digits}f}"


@dataclass(frozen=True)
class Measure:
    """One line of the table: what was measured, and what it was held against.

    ``figure`` is what the bound speaks of: a ratio of medians, or a median. ``at_least`` turns
    the bound round. ``reason`` says why a missed bound was missed.
    """

    what: str
    ours: str
    against: str
    figure: float
    bound: float
    unit: str = "x"
    at_least: bool = False
    reason: str = ""
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def kept(self) -> bool:
        """Whether the bound is kept."""
        return self.figure >= self.bound if self.at_least else self.figure <= self.bound

    def row(self) -> str:
        """The table's line."""
        word = "at least" if self.at_least else "at most"
        figure, bound = _short(self.figure), _short(self.bound)
        verdict = "kept" if self.kept else "**missed**"
        cells = (
            self.what,
            self.ours,
            self.against,
            f"{figure} {self.unit}",
            f"{word} {bound} {self.unit}",
            verdict,
        )
        return "| " + " | ".join(cells) + " |"


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def ratio(ours: Samples, theirs: Samples) -> float:
    """Of the medians."""
    return ours.median / theirs.median


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of the values do not exceed; nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
