"""From a repository and a framework of the catalogue to a plan: what runs, and why.

No framework is named here: what to look for stands in the catalogue's files.
"""

import hashlib
import json
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass

from paas.domain.errors import StepFailed
from paas.domain.specs import BuildPlan
from paas.frameworks.catalogue import Catalogue, Framework
from paas.frameworks.procfile import read_procfile
from paas.frameworks.python_packages import (
    NAME,
    PARSERS,
    has_local_parts,
    names_in,
    normal,
    requirement_files,
)
from paas.frameworks.rules import Match, first, holding
from paas.frameworks.source import WHOLE_LIMIT, Source, SourceTree
from paas.frameworks.versions import wanted_version

PROCFILE = "Procfile"
COMMAND_LIMIT = 4096


@dataclass(frozen=True)
class Overrides:
    """What the user set, before anything that the repository says."""

    start_command: str | None = None
    health_path: str | None = None


@dataclass(frozen=True)
class _Install:
    """How the dependencies are installed; ``path`` is the file that asks for them."""

    steps: tuple[tuple[str, ...], ...] = ()
    kept: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    runtime: str = ""


def make_plan(framework: Framework, tree: SourceTree, overrides: Overrides) -> BuildPlan:
    """Decide how the repository is installed, built and started.

    Raises ``StepFailed`` with a sentence for its author when there is no way.
    """
    return _Planner(framework, Source(tree), overrides).plan()


def guess(catalogue: Catalogue, tree: SourceTree) -> list[str]:
    """The frameworks that the repository looks like, in the catalogue's order."""
    source = Source(tree)
    return [key for key, item in catalogue.items() if first(item.detect, source, "")]


class _Planner:
    def __init__(self, framework: Framework, source: Source, overrides: Overrides) -> None:
        self.framework = framework
        self.source = source
        self.overrides = overrides
        self.reasons: list[str] = []
        self.root = ""
        self.procfile: dict[str, str] = {}

    def plan(self) -> BuildPlan:
        framework = self.framework
        if not self.source.paths:
            raise StepFailed("The repository is empty: there is nothing to deploy.")
        self._read_procfile("")
        if "web" not in self.procfile:
            self._choose_root()
        document_root = self._document_root()
        start = self._start(document_root)
        install = self._install(start)
        runtime = install.runtime or framework.runtime
        version = self._version(runtime)
        prefix = self._prefix()
        plan = BuildPlan(
            framework=framework.key,
            runtime=runtime,
            runtime_version=version,
            root=self.root,
            install=install.steps,
            kept=install.kept,
            dependencies_hash=self._hash(install, runtime, version),
            build=tuple(prefix + command for command in self._build()),
            release=tuple(prefix + command for command in self._release()),
            start=prefix + start,
            document_root=document_root,
            health_path=self.overrides.health_path or framework.health_path,
            environment=dict(framework.environment),
            reasons=(),
        )
        self._notes()
        return BuildPlan(**{**vars(plan), "reasons": tuple(self.reasons)})

    def _say(self, sentence: str) -> None:
        if sentence not in self.reasons:
            self.reasons.append(sentence)

    def _read_procfile(self, folder: str) -> None:
        path = posixpath.join(folder, PROCFILE)
        if not self.source.has(path):
            return
        self.procfile = read_procfile(self.source.text(path))
        web = self.procfile.get("web")
        if web is None:
            self._say(f"{path} has no line `web: command`, so it does not say how the app starts.")
            return
        for rule in self.framework.procfile_except:
            pattern = rule.conditions[0].matching
            if pattern is not None and pattern.search(web):
                del self.procfile["web"]
                self._say(rule.because)
                return

    def _choose_root(self) -> None:
        match = first(self.framework.root, self.source, "")
        if match is None:
            return
        self.root = match.values["dir"].removeprefix(".")
        if self.root:
            self._say(f"The app's folder is {self.root}: {match.words(match.rule.because)}")
            self._read_procfile(self.root)

    def _document_root(self) -> str:
        match = first(self.framework.document_root, self.source, self.root)
        if match is None:
            return ""
        self._say(match.words(match.rule.because))
        return posixpath.normpath(match.words(match.rule.use))

    def _start(self, document_root: str) -> str:
        if self.overrides.start_command:
            command = self.overrides.start_command
            self._say("It starts with the command that was set for this app.")
        elif "web" in self.procfile:
            command = self.procfile["web"]
            self._say(f"It starts as {posixpath.join(self.root, PROCFILE)} says: {command}")
        else:
            match = first(self.framework.start, self.source, self.root)
            if match is None:
                raise StepFailed(self._no_start())
            values = {**match.values, "document_root": document_root or "."}
            match = Match(match.rule, values)
            command = match.shell(match.rule.run[0])
            self._say(f"It starts with `{command}`: {match.words(match.rule.because)}")
        if "\x00" in command or len(command) > COMMAND_LIMIT:
            raise StepFailed(
                f"The start command must be text of at most {COMMAND_LIMIT} characters."
            )
        return command

    def _no_start(self) -> str:
        name = self.framework.name
        where = f"the folder {self.root}" if self.root else "the repository"
        return (
            f"No way to start {where} as {name} was found: there is no Procfile with a line "
            f"`web: command`, and nothing that {name} apps start with. {self.framework.hint}"
        )

    def _install(self, start: str) -> _Install:
        for folder in self._folders():
            match = self._nearest_install(folder)
            if match is not None:
                return self._from_match(match, start)
        return self._without_files(start)

    def _nearest_install(self, folder: str) -> Match | None:
        """The rule for the dependency files of one folder; the last rules ask for no file."""
        rules = tuple(rule for rule in self.framework.install if rule.conditions[0].find)
        match = first(rules, self.source, folder)
        if match is None:
            return None
        path = posixpath.relpath(posixpath.join(folder, match.values["path"]), self.root or ".")
        values = {**match.values, "path": path, "dir": posixpath.dirname(path) or "."}
        return Match(match.rule, values)

    def _from_match(self, match: Match, start: str) -> _Install:
        path = posixpath.normpath(posixpath.join(self.root, match.values["path"]))
        packages = PARSERS[match.rule.packages](self.source, path) if match.rule.packages else []
        missing = self._missing(start, names_in(self.source, path), named=True)
        self._say(match.words(match.rule.because))
        return _Install(
            steps=self._steps(match, missing, packages),
            kept=match.rule.kept,
            files=tuple(self._dependency_files(match, path)),
            runtime=match.rule.runtime,
        )

    def _without_files(self, start: str) -> _Install:
        rule = next((r for r in self.framework.install if not r.conditions[0].find), None)
        missing = self._missing(start, frozenset(), named=False)
        if rule is None or not missing:
            return _Install()
        self._say(rule.because)
        return _Install(steps=self._steps(Match(rule, {}), missing, []), kept=rule.kept)

    def _missing(self, start: str, names: frozenset[str], *, named: bool) -> list[str]:
        """The framework itself and the programs of the start command, as far as nobody names them.

        Beside a dependency file only the bare name is asked for, so that it decides the version.
        """
        missing = []
        for requirement in self.framework.require:
            hit = NAME.match(requirement)
            if hit is not None and normal(hit[1]) not in names:
                missing.append(hit[1] if named else requirement)
        words = start.replace("&&", " ").replace(";", " ").split()
        for item in self.framework.programs:
            hit = NAME.match(item.package)
            if hit is not None and item.program in words and normal(hit[1]) not in names:
                missing.append(item.package)
        if missing and named:
            self._say(f"Added to the dependencies, which do not name it: {', '.join(missing)}.")
        return missing

    def _steps(
        self, match: Match, missing: list[str], packages: list[str]
    ) -> tuple[tuple[str, ...], ...]:
        lists = {"{missing}": missing, "{packages}": packages}
        return tuple(
            tuple(
                word
                for argument in step
                for word in lists.get(argument) or self._word(match, argument, lists)
            )
            for step in match.rule.steps
        )

    @staticmethod
    def _word(match: Match, argument: str, lists: dict[str, list[str]]) -> list[str]:
        return [] if argument in lists else [match.argument(argument)]

    def _dependency_files(self, match: Match, path: str) -> Iterable[str]:
        """Every file whose change means that the dependencies are to be installed again."""
        folder = posixpath.dirname(path)
        yield path
        yield from self.source.find(match.rule.files, folder)
        if path.endswith((".txt", ".in")):
            yield from requirement_files(self.source, path)
        if has_local_parts(self.source, path):
            yield from self.source.paths

    def _hash(self, install: _Install, runtime: str, version: str | None) -> str:
        digest = hashlib.sha256(json.dumps([runtime, version, install.steps]).encode())
        for path in sorted(set(install.files)):
            text = self.source.text(path, WHOLE_LIMIT)
            digest.update(json.dumps([path, text]).encode())
        return digest.hexdigest()

    def _version(self, runtime: str) -> str | None:
        wanted = wanted_version(runtime, self.source, self._folders())
        if wanted is None:
            return None
        self._say(wanted.reason)
        return wanted.version

    def _prefix(self) -> str:
        texts = []
        for match in holding(self.framework.prepare, self.source, self.root):
            texts += [f"{match.shell(text)}; " for text in match.rule.run]
            self._say(match.words(match.rule.because))
        return "".join(texts)

    def _build(self) -> tuple[str, ...]:
        return tuple(
            text
            for match in holding(self.framework.build, self.source, self.root)
            for text in self._commands(match, "It is built with")
        )

    def _release(self) -> tuple[str, ...]:
        own = self.procfile.get("release")
        if own:
            self._say(f"Before a release serves, its Procfile's `release` runs: {own}")
            return (own,)
        return tuple(
            text
            for match in holding(self.framework.release, self.source, self.root)
            for text in self._commands(match, "Before a release serves, this runs:")
        )

    def _commands(self, match: Match, words: str) -> list[str]:
        commands = [match.shell(text) for text in match.rule.run]
        shown = " and ".join(f"`{command}`" for command in commands)
        self._say(f"{words} {shown}: {match.words(match.rule.because)}")
        return commands

    def _notes(self) -> None:
        for match in holding(self.framework.notes, self.source, self.root):
            self._say(match.words(match.rule.because))

    def _folders(self) -> list[str]:
        """The app's folder and those above it, up to the top."""
        folders = [self.root]
        while folders[-1]:
            folders.append(posixpath.dirname(folders[-1]))
        return folders
