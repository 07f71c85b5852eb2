"""Reading a repository that nobody here wrote: every file is data, and may be hostile."""

import json
import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Protocol

from paas.domain.errors import StepFailed

TEXT_LIMIT = 256 * 1024
DATA_LIMIT = 4 * 1024 * 1024
WHOLE_LIMIT = 64 * 1024 * 1024
FILES_READ_PER_PATTERN = 300
JSON_NAMES = (".json", "Pipfile.lock", "composer.lock")

PASSED_OVER = frozenset(
    {"node_modules", "bower_components", "site-packages", "venv", "env", "vendor", "__pycache__"}
)
LOOKED_AT_LAST = frozenset({"test", "tests", "example", "examples", "docs", "doc", "samples"})


class SourceTree(Protocol):
    """The files of one commit."""

    def files(self) -> Sequence[str]:
        """Every file's path, relative to the top, with ``/`` between its parts."""

    def read(self, path: str, limit: int) -> str | None:
        """The first ``limit`` bytes as UTF-8, foreign bytes replaced; None without such a file."""


class Source:
    """A tree as the rules of the catalogue look at it: globs, texts, JSON and TOML, kept once."""

    def __init__(self, tree: SourceTree) -> None:
        self._tree = tree
        self._texts: dict[tuple[str, int], str | None] = {}
        self._data: dict[str, object] = {}

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Shallowest first, tests and examples last of all; unprintable names are left out."""
        return tuple(sorted(filter(_is_plain, self._tree.files()), key=_order))

    @cached_property
    def _all(self) -> frozenset[str]:
        return frozenset(self.paths)

    @cached_property
    def _own(self) -> tuple[str, ...]:
        return tuple(path for path in self.paths if not _is_passed_over(path))

    def has(self, path: str) -> bool:
        return path in self._all

    def find(self, patterns: Sequence[str], folder: str) -> Iterator[str]:
        """Files under ``folder`` by glob: a plain name, ``*`` within a part, ``**/`` at any depth.

        A pattern that names no place of its own comes in the order of the patterns; those with
        ``**`` are searched together, so that the shallowest file of all wins.
        """
        deep = [pattern for pattern in patterns if "**" in pattern]
        for pattern in patterns:
            if "**" not in pattern:
                yield from self._near(pattern, folder)
        if deep:
            wanted = re.compile("|".join(_regex(pattern, folder) for pattern in deep))
            yield from (path for path in self._own if wanted.fullmatch(path))

    def _near(self, pattern: str, folder: str) -> Iterator[str]:
        if "*" not in pattern:
            path = posixpath.join(folder, pattern)
            if self.has(path):
                yield path
            return
        wanted = re.compile(_regex(pattern, folder))
        yield from (path for path in self._own if wanted.fullmatch(path))

    def text(self, path: str, limit: int = TEXT_LIMIT) -> str:
        """A file's text, empty when there is none; a byte order mark is left out."""
        key = (path, limit)
        if key not in self._texts:
            self._texts[key] = self._tree.read(path, limit)
        return (self._texts[key] or "").removeprefix("\ufeff").replace("\r\n", "\n")

    def data(self, path: str) -> object:
        """A file as data: JSON when its name ends so, else TOML; ``StepFailed`` when it is not."""
        if path not in self._data:
            kind = "JSON" if path.endswith(JSON_NAMES) else "TOML"
            text = self.text(path, DATA_LIMIT)
            try:
                self._data[path] = json.loads(text) if kind == "JSON" else tomllib.loads(text)
            except (ValueError, RecursionError) as error:
                reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
                if len(text) >= DATA_LIMIT // 4:
                    reason = f"{reason} (the first {DATA_LIMIT // 1024 // 1024} MB are read)"
                raise StepFailed(f"{path} cannot be read as {kind}: {reason}") from None
        return self._data[path]


def value_at(data: object, dotted: str) -> object:
    """The value under a dotted key, or None."""
    for key in dotted.split("."):
        if not isinstance(data, Mapping):
            return None
        data = data.get(key)
    return data


def _is_plain(path: str) -> bool:
    parts = path.split("/")
    return path.isprintable() and ".." not in parts and "" not in parts


def _order(path: str) -> tuple[bool, int, str]:
    folders = path.split("/")[:-1]
    return (not LOOKED_AT_LAST.isdisjoint(folders), len(folders), path)


def _is_passed_over(path: str) -> bool:
    folders = path.split("/")[:-1]
    return any(part in PASSED_OVER or part.startswith(".") for part in folders)


def _regex(pattern: str, folder: str) -> str:
    """A glob as a regular expression over whole paths."""
    parts = []
    for piece in re.split(r"(\*\*/|\*)", pattern):
        parts.append({"**/": "(?:[^/]+/)*", "*": "[^/]*"}.get(piece) or re.escape(piece))
    prefix = re.escape(folder) + "/" if folder else ""
    return prefix + "".join(parts)
