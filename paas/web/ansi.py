"""A line of terminal output as safe HTML: colours become classes, all other control is dropped.

The browser's script has the same rules (``ansi`` in ``static/app.js``), so that a line looks
alike whether the server wrote it or the stream brought it.
"""

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

# An escape sequence (CSI, OSC and other strings with their ends, two-character ones), or what
# is left of one that was cut off at the line's end.
_SEQUENCE = re.compile(
    r"\x1b\[(?P<csi>[0-?]*[ -/]*[@-~])"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)"
    r"|\x1b\[[0-?]*[ -/]*$"
    r"|\x1b[ -/]*[0-~]?"
)
# Controls of C0 and C1, and the marks that reorder text, could make a line show what it is not.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SWITCHES = {1: "b", 2: "d", 3: "i", 4: "u"}
_OFF = {22: ("b", "d"), 23: ("i",), 24: ("u",)}


def to_html(line: str) -> Markup:
    """The line with ``<span class="...">`` around coloured parts; nothing else is markup."""
    return Markup("").join(_parts(line))


def plain(line: str) -> str:
    """The line without escape sequences and control characters (tabs stay)."""
    return _CONTROL.sub("", _SEQUENCE.sub("", line))


def _parts(line: str) -> Iterator[Markup]:
    style: dict[str, str] = {}
    place = 0
    for match in _SEQUENCE.finditer(line):
        yield _span(line[place : match.start()], style)
        place = match.end()
        sequence = match["csi"] or ""
        if sequence.endswith("m"):
            _apply(sequence[:-1], style)
    yield _span(line[place:], style)


def _span(text: str, style: dict[str, str]) -> Markup:
    text = _CONTROL.sub("", text)
    if not text or not style:
        return escape(text)
    return Markup('<span class="{}">{}</span>').format(" ".join(sorted(style.values())), text)


def _apply(parameters: str, style: dict[str, str]) -> None:
    """Change ``style`` (kind -> class) as one SGR sequence says; unknown numbers do nothing."""
    if not re.fullmatch(r"[0-9]{0,3}(?:;[0-9]{0,3})*", parameters):
        return
    codes = [int(part or 0) for part in parameters.split(";")]
    while codes:
        code = codes.pop(0)
        if code == 0:
            style.clear()
        elif code in _SWITCHES:
            style[_SWITCHES[code]] = _SWITCHES[code]
        elif code in _OFF:
            for kind in _OFF[code]:
                style.pop(kind, None)
        elif code in (38, 48):
            colour = _extended(codes)
            if code == 38 and colour is not None:
                style["c"] = f"c{colour}"
        elif code == 39:
            style.pop("c", None)
        elif 30 <= code <= 37:
            style["c"] = f"c{code - 30}"
        elif 90 <= code <= 97:
            style["c"] = f"c{code - 90}"


def _extended(codes: list[int]) -> int | None:
    """The nearest of the eight colours for ``5;n`` or ``2;r;g;b``, taken off ``codes``."""
    kind = codes.pop(0) if codes else 0
    if kind == 5 and codes:
        number = codes.pop(0)
        if number < 16:
            return number % 8
        if number < 232:
            cube = number - 16
            return _nearest(cube // 36 * 51, cube // 6 % 6 * 51, cube % 6 * 51)
        return 7
    if kind == 2 and len(codes) >= 3:
        red, green, blue = codes[:3]
        del codes[:3]
        return _nearest(red, green, blue)
    return None


def _nearest(red: int, green: int, blue: int) -> int:
    return (red > 127) + (green > 127) * 2 + (blue > 127) * 4
