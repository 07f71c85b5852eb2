"""From a repository and a framework of the catalogue to a plan: what runs, and why.

No framework is named here: what to look for stands in the catalogue's files.
"""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace

from paas.domain.errors import StepFailed
from paas.domain.specs import BuildPlan
from paas.frameworks.catalogue import Catalogue, Framework
from paas.frameworks.installing import plan_install
from paas.frameworks.procfile import read_procfile
from paas.frameworks.rules import Match, Section, first, holding
from paas.frameworks.source import Source, SourceTree
from paas.frameworks.versions import wanted_version

PROCFILE = "Procfile"
COMMAND_LIMIT = 4096
FOLDER, VERSION, INSTALL, BUILD, RELEASE, START, NOTE = range(7)


@dataclass(frozen=True)
class Overrides:
    """What the user set; it comes before anything that the repository says."""

    start_command: str | None = None
    health_path: str | None = None


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
    """One look at one repository. ``reasons`` keeps the sentences with their place in the story."""

    def __init__(self, framework: Framework, source: Source, overrides: Overrides) -> None:
        self.framework = framework
        self.source = source
        self.overrides = overrides
        self.reasons: dict[str, int] = {}
        self.root = ""
        self.procfile: dict[str, str] = {}

    def plan(self) -> BuildPlan:
        framework = self.framework
        if not self.source.paths:
            raise StepFailed("The repository is empty: there is nothing to deploy.")
        self._choose_folder()
        document_root = self._document_root()
        start = self._start(document_root)
        install = plan_install(
            framework, self.source, self._folders(), start, lambda text: self._say(INSTALL, text)
        )
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
            dependencies_hash=install.hash(self.source, runtime, version),
            build=tuple(prefix + text for text in self._commands(framework.build, BUILD)),
            release=tuple(prefix + text for text in self._release()),
            start=prefix + start,
            document_root=document_root,
            health_path=self.overrides.health_path or framework.health_path,
            environment=dict(framework.environment),
            reasons=(),
        )
        for match in holding(framework.notes, self.source, self.root):
            self._say(NOTE, match.words(match.rule.because))
        return replace(plan, reasons=tuple(sorted(self.reasons, key=self.reasons.__getitem__)))

    def _say(self, stage: int, sentence: str) -> None:
        self.reasons.setdefault(sentence, stage)

    def _choose_folder(self) -> None:
        """A Procfile's commands are meant for the top; else a rule says where the app lies."""
        self._read_procfile("")
        match = None if "web" in self.procfile else first(self.framework.root, self.source, "")
        folder = match.words(match.rule.use or "{dir}") if match is not None else "."
        if match is None or folder == ".":
            return
        self.root = folder
        self._say(FOLDER, f"The app's folder is {self.root}: {match.words(match.rule.because)}")
        self._read_procfile(self.root)

    def _read_procfile(self, folder: str) -> None:
        path = posixpath.join(folder, PROCFILE)
        if not self.source.has(path):
            return
        self.procfile = read_procfile(self.source.text(path))
        web = self.procfile.get("web")
        if web is None:
            self._say(START, f"{path} has no line `web: command`, so it does not say how to start.")
            return
        for rule in self.framework.procfile_except:
            pattern = rule.conditions[0].matching
            if pattern is not None and pattern.search(web):
                del self.procfile["web"]
                self._say(START, rule.because)
                return

    def _folders(self) -> Sequence[str]:
        """The app's folder and those above it, up to the top."""
        folders = [self.root]
        while folders[-1]:
            folders.append(posixpath.dirname(folders[-1]))
        return folders

    def _document_root(self) -> str:
        match = first(self.framework.document_root, self.source, self.root)
        if match is None:
            return ""
        self._say(START, match.words(match.rule.because))
        folder = posixpath.normpath(match.words(match.rule.use))
        if folder.startswith(("/", "..")):
            raise StepFailed(f"The document root {folder} lies outside of the repository.")
        return folder

    def _start(self, document_root: str) -> str:
        if self.overrides.start_command:
            command = self.overrides.start_command
            self._say(START, "It starts with the command that was set for this app.")
        elif "web" in self.procfile:
            command = self.procfile["web"]
            self._say(START, f"It starts as its Procfile says: {command}")
        else:
            command = self._start_by_rule(document_root)
        if "\x00" in command or len(command) > COMMAND_LIMIT:
            raise StepFailed(f"The start command must be text of up to {COMMAND_LIMIT} characters.")
        return command

    def _start_by_rule(self, document_root: str) -> str:
        match = first(self.framework.start, self.source, self.root)
        if match is None:
            raise StepFailed(self._no_start())
        values = {**match.values, "document_root": document_root or "."}
        command = Match(match.rule, values).shell(match.rule.run[0])
        self._say(START, f"It starts with `{command}`: {match.words(match.rule.because)}")
        return command

    def _no_start(self) -> str:
        name = self.framework.name
        where = f"the folder {self.root}" if self.root else "the repository"
        return (
            f"No way to start {where} as {name} was found: there is no Procfile with a line "
            f"`web: command`, and nothing that {name} apps start with. {self.framework.hint}"
        )

    def _version(self, runtime: str) -> str | None:
        wanted = wanted_version(runtime, self.source, self._folders())
        if wanted is None:
            return None
        self._say(VERSION, wanted.reason)
        return wanted.version

    def _prefix(self) -> str:
        """What is put before each command of the app."""
        texts = []
        for match in holding(self.framework.prepare, self.source, self.root):
            texts += [f"{match.shell(text)}; " for text in match.rule.run]
            self._say(INSTALL, match.words(match.rule.because))
        return "".join(texts)

    def _release(self) -> list[str]:
        own = self.procfile.get("release")
        if own is None:
            return self._commands(self.framework.release, RELEASE)
        self._say(RELEASE, f"Before the release serves, its Procfile's `release` runs: {own}")
        return [own]

    def _commands(self, section: Section, stage: int) -> list[str]:
        opening = "It is built with" if stage == BUILD else "Before the release serves, this runs:"
        commands = []
        for match in holding(section, self.source, self.root):
            found = [match.shell(text) for text in match.rule.run]
            shown = " and ".join(f"`{command}`" for command in found)
            self._say(stage, f"{opening} {shown}: {match.words(match.rule.because)}")
            commands += found
        return commands
