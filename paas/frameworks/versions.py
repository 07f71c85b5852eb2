"""The language version that a repository asks for, and which versions satisfy it.

Python: a prefix ("3.12", "3.12.1") or specifiers (">=3.10,<3.13"). Node and PHP: a range as npm
and Composer write it. Go: a minimum within the same major version.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from semantic_version import NpmSpec, Version

from paas.frameworks.source import Source, value_at

PLAIN = re.compile(r"\d+(?:\.\d+){0,2}")
PREFIX = re.compile(r"\d+(?:\.\d+)*(?:\.[x*])?")
SPECIFIER = re.compile(r"(~=|===?|!=|<=?|>=?|\^|~)?\s*v?(\d+(?:\.\d+)*)(\.\*)?")
NODE_NAMES = {"iron": "20", "jod": "22", "hydrogen": "18", "krypton": "24"}
LENGTH_LIMIT = 100

Numbers = tuple[int, ...]


@dataclass(frozen=True)
class Wanted:
    """What a repository asks for; ``version`` is None when that could not be understood."""

    version: str | None
    reason: str


def wanted_version(runtime: str, source: Source, folders: Iterable[str]) -> Wanted | None:
    """The version asked for, from the first file that names one; None when none does.

    The app's folder comes before those above it.
    """
    for folder in folders:
        for file, reader in READERS.get(runtime, ()):
            path = f"{folder}/{file}" if folder else file
            text = reader(source, path) if source.has(path) else ""
            if text:
                return _wanted(runtime, path, text.strip())
    return None


def satisfies(runtime: str, wanted: str, have: str) -> bool:
    """Whether the version ``have`` (numbers and dots) is one that ``wanted`` allows."""
    if not PLAIN.fullmatch(have):
        return False
    rule = RULES.get(runtime)
    return rule is not None and rule(wanted, _numbers(have))


def newest(runtime: str, wanted: str | None, have: Iterable[str]) -> str | None:
    """The newest of the versions at hand that satisfies; any does when nothing is asked for."""
    fitting = [v for v in have if wanted is None or satisfies(runtime, wanted, v)]
    return max(fitting, key=_numbers, default=None)


def _wanted(runtime: str, path: str, text: str) -> Wanted:
    version = _cleaned(runtime, path, text) if len(text) <= LENGTH_LIMIT else None
    if version is None or not _is_understood(runtime, version):
        shown = text[:40] if text.isprintable() else repr(text[:40])
        return Wanted(None, f"{path} asks for {shown}, which names no version known here.")
    return Wanted(version, f"{path} asks for {runtime} {version}.")


def _cleaned(runtime: str, path: str, text: str) -> str | None:
    if runtime == "python":
        return re.sub(r"\.[x*]$", "", re.sub(r"^(?:python|cpython)[-@]?", "", text))
    if runtime == "go":
        return re.sub(r"^go", "", text)
    if runtime == "node":
        return _node(path, text)
    return f"{text}.*" if re.fullmatch(r"\d+\.\d+", text) and path.endswith("version") else text


def _node(path: str, text: str) -> str | None:
    name = re.fullmatch(r"lts/(\w+)", text)
    if name:
        return NODE_NAMES.get(name[1].lower())
    text = re.sub(r"^(?:node)?-?v?(?=\d)", "", text)
    if path.endswith("package.json") or text.count(".") < 2:
        return text
    # A file that pins one patch release means the version of the author's machine; Node promises
    # that later releases of the same major version run what ran on an earlier one.
    return f"^{text}"


def _is_understood(runtime: str, wanted: str) -> bool:
    if runtime == "python":
        return _python_parts(wanted) is not None
    if runtime == "go":
        return PLAIN.fullmatch(wanted) is not None
    return _range(runtime, wanted) is not None


def _python(wanted: str, have: Numbers) -> bool:
    parts = _python_parts(wanted)
    return parts is not None and all(_holds(sign, version, have) for sign, version in parts)


def _python_parts(wanted: str) -> list[tuple[str, Numbers]] | None:
    if PREFIX.fullmatch(wanted):
        return [("prefix", _numbers(wanted.rstrip(".x*")))]
    parts = []
    for part in wanted.split(","):
        hit = SPECIFIER.fullmatch(part.strip())
        if hit is None:
            return None
        sign = {None: "prefix", "===": "=="}.get(hit[1], hit[1])
        if hit[3]:
            sign = {"==": "prefix", "!=": "not prefix"}.get(sign, sign)
        parts.append((sign, _numbers(hit[2])))
    return parts


def _holds(sign: str, version: Numbers, have: Numbers) -> bool:
    starts = have[: len(version)] == version
    if sign in ("prefix", "not prefix"):
        return starts == (sign == "prefix")
    if sign in ("~=", "^", "~"):
        kept = {"^": 1, "~": min(2, len(version))}.get(sign, max(1, len(version) - 1))
        return have >= version and have[:kept] == version[:kept]
    width = max(len(version), len(have))
    left, right = _padded(have, width), _padded(version, width)
    return {
        "==": left == right,
        "!=": left != right,
        ">=": left >= right,
        "<=": left <= right,
        ">": left > right,
        "<": left < right,
    }[sign]


def _go(wanted: str, have: Numbers) -> bool:
    if not PLAIN.fullmatch(wanted):
        return False
    least = _numbers(wanted)
    return have[0] == least[0] and _padded(have, 3) >= _padded(least, 3)


def _in_range(runtime: str, wanted: str, have: Numbers) -> bool:
    spec = _range(runtime, wanted)
    return spec is not None and bool(spec.match(Version(".".join(map(str, _padded(have, 3))))))


def _range(runtime: str, wanted: str) -> NpmSpec | None:
    text = _as_npm(wanted) if runtime == "php" else wanted
    # Space between a sign and its version is allowed by npm, not by the parser.
    text = re.sub(r"([<>=^~])\s+", r"\1", text.strip())
    text = re.sub(r"\s*\|\|\s*", " || ", text)
    try:
        return NpmSpec(text)
    except ValueError:
        return None


def _as_npm(wanted: str) -> str:
    """A range of Composer as npm writes it: the signs are the same but ``|``, ``,`` and ``~``."""
    text = re.sub(r"\s*\|\|?\s*", " || ", wanted.replace(",", " "))
    text = re.sub(r"@\w+", "", text)
    return re.sub(r"~\s*(\d+)\.(\d+)(?![.\d])", r">=\1.\2 <\g<1>.999999", text)


def _numbers(text: str) -> Numbers:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _padded(numbers: Numbers, width: int) -> Numbers:
    return numbers + (0,) * (width - len(numbers))


def _line(source: Source, path: str) -> str:
    lines = (line.split("#")[0].strip() for line in source.text(path).splitlines())
    return next((line for line in lines if line), "")


def _key(*keys: str) -> Callable[[Source, str], str]:
    def read(source: Source, path: str) -> str:
        data = source.data(path)
        found = (value_at(data, key) for key in keys)
        return next((value for value in found if isinstance(value, str) and value), "")

    return read


def _matching(pattern: str) -> Callable[[Source, str], str]:
    def read(source: Source, path: str) -> str:
        hit = re.search(pattern, source.text(path), re.MULTILINE)
        return hit[1] if hit else ""

    return read


READERS: dict[str, tuple[tuple[str, Callable[[Source, str], str]], ...]] = {
    "python": (
        (".python-version", _line),
        ("runtime.txt", _line),
        (".tool-versions", _matching(r"^python[ \t]+(\S+)")),
        ("Pipfile", _key("requires.python_full_version", "requires.python_version")),
        (
            "pyproject.toml",
            _key("project.requires-python", "tool.poetry.dependencies.python"),
        ),
    ),
    "node": (
        ("package.json", _key("engines.node")),
        (".nvmrc", _line),
        (".node-version", _line),
        (".tool-versions", _matching(r"^nodejs[ \t]+(\S+)")),
    ),
    "go": (
        ("go.mod", _matching(r"^go[ \t]+(\S+)")),
        (".tool-versions", _matching(r"^golang[ \t]+(\S+)")),
    ),
    "php": (
        ("composer.json", _key("require.php")),
        (".php-version", _line),
        (".tool-versions", _matching(r"^php[ \t]+(\S+)")),
    ),
}

RULES: dict[str, Callable[[str, Numbers], bool]] = {
    "python": _python,
    "go": _go,
    "node": lambda wanted, have: _in_range("node", wanted, have),
    "php": lambda wanted, have: _in_range("php", wanted, have),
}
