"""Bars as SVG that the server draws: nothing is computed in the browser."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600.0, 120.0
GAP = 0.2
LEAST = 1.0


@dataclass(frozen=True)
class Bar:
    """One bar in the picture's units, and what it says."""

    x: float
    y: float
    width: float
    height: float
    says: str


@dataclass(frozen=True)
class Chart:
    """A picture ``WIDTH`` by ``HEIGHT``; ``top`` is the highest value, ``first`` and ``last`` the
    names of its ends."""

    title: str
    bars: tuple[Bar, ...]
    top: str
    first: str
    last: str


def bars(title: str, names: Sequence[str], values: Sequence[float], form: str) -> Chart:
    """A bar for each value, which are none of them negative; ``form`` formats one for people.

    What is there is seen: a value above nothing is at least one unit high.
    """
    top = max(values, default=0.0)
    wide = WIDTH / max(len(values), 1)
    drawn = []
    for index, (name, value) in enumerate(zip(names, values, strict=True)):
        height = max(HEIGHT * value / top, LEAST) if value > 0 else 0.0
        drawn.append(
            Bar(
                x=round(index * wide, 2),
                y=round(HEIGHT - height, 2),
                width=round(wide * (1 - GAP), 2),
                height=round(height, 2),
                says=f"{name}: {form.format(value)}",
            )
        )
    first, last = (names[0], names[-1]) if names else ("", "")
    return Chart(title, tuple(drawn), form.format(top), first, last)
