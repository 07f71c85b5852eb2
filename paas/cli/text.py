"""Text for a terminal: what a server sends is data, and must not steer the terminal."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
RESET = "\x1b[0m"
# Besides the C0 and C1 controls: line and paragraph separators, and the marks that reorder
# or hide text, with which a log line could pretend to say something else.
CONTROLS = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def neutral(text: str, *, colour: bool = False) -> str:
    """One line that is safe to print: control characters become visible escapes like ``\\x1b``.

    Colours (SGR sequences) stay when ``colour`` and are dropped otherwise; a coloured line
    ends with a reset, so that no line changes the looks of the next.
    """
    if not colour:
        return CONTROLS.sub(_visible, COLOUR.sub("", text))
    parts = [CONTROLS.sub(_visible, part) for part in COLOUR.split(text)]
    colours = COLOUR.findall(text)
    if not colours:
        return parts[0]
    mixed = "".join(part + mark for part, mark in zip(parts, [*colours, ""], strict=True))
    return mixed + RESET


def neutral_lines(text: str, *, colour: bool = False) -> str:
    """Like ``neutral`` for a text of many lines, whose line ends stay."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(neutral(line, colour=colour) for line in lines)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with columns of equal width, two spaces apart; every cell is made neutral."""
    cells = [list(heads), *([neutral(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def duration(seconds: float) -> str:
    """Short words for a time: ``0.4 s``, ``12.0 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 60:
        return f"{max(seconds, 0.0):.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def age(moment: str | None, now: datetime | None = None) -> str:
    """How long ago an ISO 8601 time was, in its largest unit; ``-`` for none."""
    at = parse_time(moment)
    if at is None:
        return "-"
    seconds = max(0, int(((now or datetime.now(UTC)) - at).total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def parse_time(moment: str | None) -> datetime | None:
    """An ISO 8601 time as the platform writes it, or None when it is none."""
    if not moment:
        return None
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
