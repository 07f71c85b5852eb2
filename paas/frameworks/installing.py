"""How a repository's dependencies are installed, and when they must be installed again."""

import hashlib
import json
import posixpath
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from paas.frameworks.catalogue import Framework
from paas.frameworks.python_packages import (
    NAME,
    PARSERS,
    has_local_parts,
    is_requirements,
    names_in,
    normal,
    requirement_files,
)
from paas.frameworks.rules import Match, first
from paas.frameworks.source import WHOLE_LIMIT, Source

Tell = Callable[[str], None]
Steps = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Install:
    """The commands, the folders that they make, and the files that they read."""

    steps: Steps = ()
    kept: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    runtime: str = ""

    def hash(self, source: Source, runtime: str, version: str | None) -> str:
        """Equal for two releases exactly when the second can use what the first installed."""
        digest = hashlib.sha256(json.dumps([runtime, version, self.steps]).encode())
        for path in sorted(set(self.files)):
            digest.update(json.dumps([path, source.text(path, WHOLE_LIMIT)]).encode())
        return digest.hexdigest()


def plan_install(
    framework: Framework, source: Source, folders: Sequence[str], start: str, tell: Tell
) -> Install:
    """The install of the app in ``folders[0]``; dependency files may lie in the folders above."""
    for folder in folders:
        match = _rule_for(framework, source, folder, folders[0])
        if match is not None:
            return _from_files(framework, source, match, folders[0], start, tell)
    return _without_files(framework, start, tell)


def _rule_for(framework: Framework, source: Source, folder: str, root: str) -> Match | None:
    """The rule for the dependency files of one folder, its places as seen from the app's."""
    rules = tuple(rule for rule in framework.install if rule.conditions[0].find)
    match = first(rules, source, folder)
    if match is None:
        return None
    path = posixpath.relpath(posixpath.join(folder, match.values["path"]), root or ".")
    places = {"path": path, "dir": posixpath.dirname(path) or "."}
    return replace(match, values={**match.values, **places})


def _from_files(
    framework: Framework, source: Source, match: Match, root: str, start: str, tell: Tell
) -> Install:
    path = posixpath.normpath(posixpath.join(root, match.values["path"]))
    tell(match.words(match.rule.because))
    packages = PARSERS[match.rule.packages](source, path) if match.rule.packages else []
    missing = _missing(framework, start, names_in(source, path), named=True)
    if missing:
        tell(f"Added to the dependencies, which do not name it: {', '.join(missing)}.")
    return Install(
        steps=_steps(match, missing, packages),
        kept=match.rule.kept,
        files=tuple(_files_read(source, match, path)),
        runtime=match.rule.runtime,
    )


def _without_files(framework: Framework, start: str, tell: Tell) -> Install:
    rule = next((rule for rule in framework.install if not rule.conditions[0].find), None)
    missing = _missing(framework, start, frozenset(), named=False)
    if rule is None or not missing:
        return Install()
    tell(rule.because)
    return Install(steps=_steps(Match(rule, {}), missing, []), kept=rule.kept)


def _missing(framework: Framework, start: str, names: frozenset[str], *, named: bool) -> list[str]:
    """The framework itself and the programs of the start command, as far as nobody names them.

    Beside a dependency file only the bare name is asked for, so that the file's other packages
    decide the version.
    """
    missing = []
    for requirement in framework.require:
        name = _name(requirement)
        if normal(name) not in names:
            missing.append(name if named else requirement)
    words = start.replace("&&", " ").replace(";", " ").split()
    for item in framework.programs:
        if item.program in words and normal(_name(item.package)) not in names:
            missing.append(item.package)
    return missing


def _name(requirement: str) -> str:
    hit = NAME.match(requirement)
    return hit[1] if hit else requirement


def _steps(match: Match, missing: list[str], packages: list[str]) -> Steps:
    lists = {"{missing}": missing, "{packages}": packages}
    return tuple(
        tuple(
            word
            for argument in step
            for word in (lists[argument] if argument in lists else [match.argument(argument)])
        )
        for step in match.rule.steps
    )


def _files_read(source: Source, match: Match, path: str) -> Iterable[str]:
    """Every file whose change means that the dependencies are to be installed again."""
    yield path
    yield from source.find(match.rule.files, posixpath.dirname(path))
    if is_requirements(path):
        yield from requirement_files(source, path)
    if has_local_parts(source, path):
        yield from source.paths
