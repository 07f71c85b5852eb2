"""The small language of the catalogue: conditions over a repository's files, and what follows.

A rule holds when each of its conditions finds a file. What the conditions found gives the
placeholders of the rule's texts; in shell text each value is quoted as one word.
"""

import json
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paas.frameworks.python_modules import import_place
from paas.frameworks.python_packages import PARSERS
from paas.frameworks.source import FILES_READ_PER_PATTERN, Source, value_at

Say = Callable[[str, str], None]
Values = Mapping[str, str]

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
FOUND = frozenset({"path", "dir", "file", "module", "import_root", "value"})
GIVEN = {
    "install": frozenset({"dependencies", "runtime", "missing", "packages"}),
    "start": frozenset({"document_root"}),
}
NEEDED = {
    "install": "steps",
    "prepare": "run",
    "build": "run",
    "release": "run",
    "start": "run",
    "document_root": "use",
}


@dataclass(frozen=True)
class Condition:
    """A file that must be there, and what must or must not stand in it."""

    find: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    matching: re.Pattern[str] | None = None
    unlike: re.Pattern[str] | None = None
    key: str = ""


@dataclass(frozen=True)
class Rule:
    """Conditions that must all hold, and the texts that then count."""

    conditions: tuple[Condition, ...]
    because: str = ""
    run: tuple[str, ...] = ()
    folder: str = ""
    use: str = ""
    steps: tuple[tuple[str, ...], ...] = ()
    kept: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    packages: str = ""
    runtime: str = ""


Section = tuple[Rule, ...]


@dataclass(frozen=True)
class Match:
    """A rule that holds, with the values of its placeholders."""

    rule: Rule
    values: Values

    def words(self, template: str) -> str:
        """A text with its placeholders filled in as they are."""
        return PLACEHOLDER.sub(lambda hit: self.values.get(hit[1], hit[0]), template)

    def shell(self, template: str) -> str:
        """Shell text with each value quoted, run in the folder that the rule names."""
        text = PLACEHOLDER.sub(lambda hit: _quoted(self.values.get(hit[1], hit[0])), template)
        folder = self.words(self.rule.folder)
        if folder in ("", "."):
            return text
        return f"cd {_quoted(folder)} && {text}"

    def argument(self, template: str) -> str:
        """One argument; those placeholders that only the guest knows are left for it."""
        if PLACEHOLDER.fullmatch(template):
            return _not_an_option(self.words(template))
        return self.words(template)


def holding(section: Section, source: Source, folder: str) -> Iterator[Match]:
    """The rules of a section that hold for the app in ``folder``, in their order."""
    for rule in section:
        match = _match(rule, source, folder)
        if match is not None:
            yield match


def first(section: Section, source: Source, folder: str) -> Match | None:
    """The first rule that holds."""
    return next(holding(section, source, folder), None)


def _match(rule: Rule, source: Source, folder: str) -> Match | None:
    values: dict[str, str] = {}
    for condition in rule.conditions:
        found = _find(condition, source, folder)
        if found is None:
            return None
        values = {**found, **values}
    return Match(rule, values)


def _find(condition: Condition, source: Source, folder: str) -> Values | None:
    if any(True for _ in source.find(condition.lacking, folder)):
        return None
    if not condition.find:
        return {}
    for count, path in enumerate(source.find(condition.find, folder)):
        if count >= FILES_READ_PER_PATTERN:
            break
        found = _look_into(condition, source, path)
        places = _places(source, path, folder) if found is not None else None
        if found is not None and places is not None:
            return {**places, **found}
    return None


def _look_into(condition: Condition, source: Source, path: str) -> Values | None:
    found: dict[str, str] = {}
    if condition.key:
        value = value_at(source.data(path), condition.key)
        if not value:
            return None
        text = value if isinstance(value, str) else json.dumps(value)
        if isinstance(value, str):
            found["value"] = value
    elif condition.matching is None and condition.unlike is None:
        return found
    else:
        text = source.text(path)
    if condition.unlike is not None and condition.unlike.search(text):
        return None
    if condition.matching is not None:
        hit = condition.matching.search(text)
        if hit is None:
            return None
        found |= {name: value or "" for name, value in hit.groupdict().items()}
    return found


def _places(source: Source, path: str, folder: str) -> Values | None:
    """Where the file lies, as seen from the app's folder; None for Python without a module."""
    inside = posixpath.relpath(path, folder or ".")
    values = {
        "path": inside,
        "dir": posixpath.dirname(inside) or ".",
        "file": posixpath.basename(inside),
    }
    if path.endswith(".py"):
        root, module = import_place(source, path, folder)
        if not module:
            return None
        values |= {"import_root": posixpath.relpath(root or ".", folder or "."), "module": module}
    return values


def _quoted(value: str) -> str:
    return shlex.quote(_not_an_option(value)) if value else ""


def _not_an_option(value: str) -> str:
    return f"./{value}" if value.startswith("-") else value


def read_section(name: str, value: Any, say: Say) -> Section:
    """The rules of a section whose types are right; says what else is wrong with them."""
    items = value if isinstance(value, list) else [value]
    single = not isinstance(value, list)
    return tuple(
        _read_rule(name, name if single else f"{name}[{index}]", item, say)
        for index, item in enumerate(items)
    )


def _read_rule(section: str, place: str, item: Mapping[str, Any], say: Say) -> Rule:
    parts = [(place, item)]
    for index, other in enumerate(_listed(item.get("also"))):
        parts.append((f"{place}.also[{index}]", other))
    conditions = tuple(_read_condition(where, part, say) for where, part in parts)
    if section != "procfile_except":
        _check_files_named(parts, say)
    rule = Rule(
        conditions=conditions,
        because=item.get("because", ""),
        run=tuple(_listed(item.get("run"))),
        folder=item.get("folder", ""),
        use=item.get("use", ""),
        steps=tuple(tuple(_listed(step)) for step in _listed(item.get("steps"))),
        kept=tuple(_listed(item.get("kept"))),
        files=tuple(_listed(item.get("files"))),
        packages=item.get("packages", ""),
        runtime=item.get("runtime", ""),
    )
    _check_placeholders(section, place, rule, say)
    if rule.packages not in ("", *PARSERS):
        say(f"{place}.packages", f"must be one of {', '.join(PARSERS)}")
    if section in NEEDED and not getattr(rule, NEEDED[section]):
        say(f"{place}.{NEEDED[section]}", "missing")
    if not rule.because:
        say(f"{place}.because", "missing: the log must say why")
    return rule


def _check_files_named(parts: list[tuple[str, Mapping[str, Any]]], say: Say) -> None:
    for place, item in parts:
        if "find" not in item and any(key in item for key in ("matching", "unlike", "key")):
            say(f"{place}.find", "missing: there is no file to look into")


def _read_condition(place: str, item: Mapping[str, Any], say: Say) -> Condition:
    return Condition(
        find=tuple(_listed(item.get("find"))),
        lacking=tuple(_listed(item.get("lacking"))),
        matching=_pattern(f"{place}.matching", item.get("matching"), say),
        unlike=_pattern(f"{place}.unlike", item.get("unlike"), say),
        key=item.get("key", ""),
    )


def _pattern(place: str, text: str | None, say: Say) -> re.Pattern[str] | None:
    if text is None:
        return None
    try:
        return re.compile(text, re.MULTILINE)
    except (re.error, RecursionError, OverflowError) as error:
        say(place, f"not a regular expression: {error}")
        return None


def _check_placeholders(section: str, place: str, rule: Rule, say: Say) -> None:
    known = FOUND | GIVEN.get(section, frozenset())
    for condition in rule.conditions:
        if condition.matching is not None:
            known = known | frozenset(condition.matching.groupindex)
    texts: Sequence[str] = (
        *rule.run,
        rule.folder,
        rule.use,
        rule.because,
        *(argument for step in rule.steps for argument in step),
    )
    for name in sorted({hit for text in texts for hit in PLACEHOLDER.findall(text)} - known):
        say(place, f"{{{name}}} is no placeholder that its conditions give")


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
