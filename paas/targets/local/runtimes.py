"""The languages that this machine can run for its guests."""

import json
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from paas.frameworks.versions import newest
from paas.targets.local.running import Run
from paas.targets.local.surroundings import is_reachable

FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/go/bin")
PATTERNS = ("/opt/*/bin", "/usr/lib/go-*/bin")
HOME_PATTERNS = (
    ".pyenv/versions/*/bin",
    ".nvm/versions/node/*/bin",
    ".local/share/uv/python/*/bin",
    ".local/bin",
)
PYTHON_PROBE = (
    "import sys; print('%d.%d.%d' % sys.version_info[:3]); "
    "print(getattr(sys, '_base_executable', sys.executable))"
)


@dataclass(frozen=True)
class Kind:
    """How a language is found: each probe prints the version, then its program's real path."""

    title: str
    package: str
    names: re.Pattern[str]
    probe: tuple[str, ...]


KINDS = {
    "python": Kind(
        "Python", "python3", re.compile(r"python3(\.\d+)?"), ("-I", "-S", "-c", PYTHON_PROBE)
    ),
    "node": Kind(
        "Node.js",
        "nodejs and npm",
        re.compile(r"node(js)?"),
        ("-p", "process.versions.node + '\\n' + process.execPath"),
    ),
    "php": Kind(
        "PHP",
        "php-cli",
        re.compile(r"php(\d(\.\d)?)?"),
        (
            "-r",
            "echo PHP_MAJOR_VERSION.'.'.PHP_MINOR_VERSION.'.'.PHP_RELEASE_VERSION"
            '."\\n".PHP_BINARY;',
        ),
    ),
    "go": Kind("Go", "golang-go", re.compile(r"go"), ("env", "GOVERSION", "GOROOT")),
}
SERVED_BY = {"static": "python"}
# Every deploy asks, and a search reads every folder of PATH; what somebody installs or removes
# meanwhile is noticed after so many seconds.
REMEMBERED_SECONDS = 2.0


@dataclass(frozen=True)
class Runtime:
    """A language at hand: ``program`` is its real path."""

    version: str
    program: str


class Runtimes:
    """Finds languages; remembers what it found for a moment, and what a program said it is
    between processes."""

    def __init__(
        self, run: Run, environment: Mapping[str, str], folder: Path, uv: Path, *, is_shared: bool
    ) -> None:
        """``folder`` is for Pythons that uv installs; ``is_shared`` when guests have users of
        their own, which must be able to run what is found."""
        self._run = run
        self._environment = environment
        self._folder = folder
        self._uv = uv
        self._is_shared = is_shared
        self._memory = folder.with_suffix(".json")
        self._lock = threading.Lock()
        self._found: dict[str, tuple[float, list[Runtime]]] = {}

    def find(self, name: str) -> list[Runtime]:
        """Every version that guests may run, in the order of the search."""
        language = SERVED_BY.get(name, name)
        kind = KINDS.get(language)
        if kind is None:
            return []
        with self._lock:
            until, found = self._found.get(language, (0.0, []))
            if time.monotonic() >= until:
                found = self._look_for(kind)
                self._found[language] = (time.monotonic() + REMEMBERED_SECONDS, found)
        return list(found)

    def _look_for(self, kind: Kind) -> list[Runtime]:
        found: dict[str, Runtime] = {}
        known = self._recall()
        before = dict(known)
        for path in self._candidates(kind):
            runtime = self._probe(kind, path, known)
            if runtime and self.is_usable(Path(runtime.program)):
                found.setdefault(runtime.program, runtime)
        if known != before:
            self._remember(known)
        return list(found.values())

    def choose(self, name: str, wanted: str | None) -> Runtime | None:
        """The newest that satisfies what is wanted; else the first that is found."""
        present = self.find(name)
        if wanted is None or name in SERVED_BY:
            return present[0] if present else None
        version = newest(name, wanted, [it.version for it in present])
        return next((it for it in present if it.version == version), None)

    def ensure(self, name: str, wanted: str | None) -> tuple[Runtime | None, str]:
        """Like ``choose``, but a missing Python is installed by uv; why that failed in words."""
        runtime = self.choose(name, wanted)
        if runtime or name != "python" or wanted is None or not self._uv.is_file():
            return runtime, ""
        reason = self._install_python(wanted)
        return self.choose(name, wanted), reason

    def program(self, name: str) -> bool:
        """Whether guests find a program of this name in the system's folders."""
        return any(self.is_usable(Path(folder) / name) for folder in FOLDERS[:3])

    def is_usable(self, path: Path) -> bool:
        """Whether a guest may run this program."""
        return os.access(path, os.X_OK) and (not self._is_shared or is_reachable(path))

    def _install_python(self, wanted: str) -> str:
        argv = [str(self._uv), "python", "install", "--no-bin", "--no-config", "--install-dir"]
        code, output = self._run([*argv, str(self._folder), "--", wanted], self._environment)
        self._found.clear()
        if code == 0:
            return ""
        said = [line.strip() for line in output.splitlines() if line.strip()]
        return f"uv could not install it: {said[-1] if said else 'it gave no reason'}"

    def _candidates(self, kind: Kind) -> Iterator[Path]:
        seen: set[Path] = set()
        for folder in self._search():
            try:
                with os.scandir(folder) as entries:
                    names = sorted(e.name for e in entries if kind.names.fullmatch(e.name))
            except OSError:
                continue
            for name in names:
                path = folder / name
                if path not in seen and self.is_usable(path):
                    seen.add(path)
                    yield path

    def _search(self) -> Iterator[Path]:
        yield from (Path(folder) for folder in FOLDERS)
        path = self._environment.get("PATH", "")
        yield from (Path(folder) for folder in path.split(os.pathsep) if folder.startswith("/"))
        for pattern in PATTERNS:
            yield from sorted(Path("/").glob(pattern.lstrip("/")))
        home = self._environment.get("HOME", "")
        if home.startswith("/"):
            for pattern in HOME_PATTERNS:
                yield from sorted(Path(home).glob(pattern))
        yield from sorted(self._folder.glob("*/bin"))

    def _probe(self, kind: Kind, path: Path, known: dict[str, list[str]]) -> Runtime | None:
        try:
            stamp = path.stat()
        except OSError:
            return None
        key = f"{path}|{path.resolve()}|{stamp.st_mtime_ns}|{stamp.st_size}"
        if key not in known:
            code, output = self._run([str(path), *kind.probe], self._environment)
            known[key] = output.split("\n")[:2] if code == 0 else []
        said = known[key]
        version = re.search(r"\d+(?:\.\d+){1,2}", said[0]) if len(said) == 2 else None
        if version is None:
            return None
        program = Path(said[1].strip())
        program = program / "bin" / "go" if kind is KINDS["go"] else program
        return Runtime(version[0], str(program.resolve()))

    def _recall(self) -> dict[str, list[str]]:
        try:
            found = json.loads(self._memory.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _remember(self, known: dict[str, list[str]]) -> None:
        draft = self._memory.with_name(f".{self._memory.name}.{os.getpid()}")
        try:
            draft.write_text(json.dumps(known))
            draft.replace(self._memory)
        except OSError:
            # Without the memory every process asks again, which is slow but right.
            return


def mismatch(name: str, wanted: str, present: list[Runtime], reason: str) -> str:
    """The sentence that refuses a version."""
    title = KINDS[name].title
    versions = ", ".join(dict.fromkeys(it.version for it in present))
    tail = f"; {reason.rstrip('.')}" if reason else ""
    return (
        f"The repository asks for {title} {wanted}, and this machine has {versions}{tail}. "
        f"Install a fitting {title}, or change what the repository asks for."
    )


def missing(framework: str, name: str) -> str:
    """The sentence that refuses a framework."""
    kind = KINDS.get(SERVED_BY.get(name, name))
    if kind is None:
        return f"Framework {framework} needs the runtime {name}, which target local does not know."
    return (
        f"Framework {framework} needs {kind.title}, and this machine has none that its guests "
        f"may run. Install the package {kind.package}."
    )
