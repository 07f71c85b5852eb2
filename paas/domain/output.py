"""What an app writes itself: its lines, and where a reader of them is."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """After the ``count``-th line of a moment, which is UTC without a zone; empty: before all."""

    moment: str = ""
    count: int = 0


Places = Mapping[str, Place]
"""Where a reader is, by the first letters of each guest's uuid."""


@dataclass(frozen=True)
class Line:
    """A line of an app; ``source`` says which replica wrote it, where there are several.

    What the platform has to say itself stands in a line of the source ``platform``. ``places`` is
    where a reader is after it.
    """

    at: str
    stream: str
    text: str
    source: str
    places: Places


@dataclass(frozen=True)
class Query:
    """Which lines are wanted: the newest ``limit``, not before ``since``, with ``search`` in
    them, whatever its case."""

    limit: int
    since: str = ""
    search: str = ""
