"""The catalogue: one YAML file per framework, checked whole when it is loaded.

``_example.yml`` is the schema and the documentation. A file whose name begins with ``_`` is no
framework; others may take over its keys with ``like``.
"""

import re
import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from paas.domain.errors import CatalogueError
from paas.domain.specs import Resources
from paas.frameworks.rules import Section, read_section
from paas.frameworks.schema import Shape, broken_rules, derive

EXAMPLE = "_example.yml"
SIZE_LIMIT = 64 * 1024
KEY = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
RUNTIME = re.compile(r"[a-z][a-z0-9_]*")
MERGED = ("environment", "secrets")
SECTIONS = (
    "detect",
    "root",
    "install",
    "prepare",
    "build",
    "release",
    "document_root",
    "procfile_except",
    "start",
    "notes",
)
DEFAULT_RESOURCES = Resources(cores=1, memory=512, disk=10)
LIMITS = {"cores": (1, 8), "memory": (512, 16384), "disk": (10, 200)}


@dataclass(frozen=True)
class Program:
    """A program that a start command may name, and the package that brings it."""

    program: str
    package: str


@dataclass(frozen=True)
class Framework:
    """One entry of the catalogue; the keys are described in ``_example.yml``."""

    key: str
    name: str
    language: str
    version: str
    port: int
    install_cmd: str
    runtime: str
    start: Section
    hint: str
    resources: Resources = DEFAULT_RESOURCES
    health_path: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    detect: Section = ()
    root: Section = ()
    install: Section = ()
    require: tuple[str, ...] = ()
    programs: tuple[Program, ...] = ()
    prepare: Section = ()
    build: Section = ()
    release: Section = ()
    document_root: Section = ()
    notes: Section = ()
    procfile_except: Section = ()

    def new_secrets(self) -> dict[str, str]:
        """Fresh values for the framework's secrets: to be made once per app and then kept."""
        return {
            name: template.replace("{text}", secrets.token_urlsafe(48)).replace(
                "{base64}", b64encode(secrets.token_bytes(32)).decode()
            )
            for name, template in self.secrets.items()
        }


class Catalogue(Mapping[str, Framework]):
    """The frameworks by key, in the order of their keys."""

    def __init__(self, frameworks: Mapping[str, Framework]) -> None:
        self._frameworks = dict(sorted(frameworks.items()))

    def __getitem__(self, key: str) -> Framework:
        return self._frameworks[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._frameworks)

    def __len__(self) -> int:
        return len(self._frameworks)

    @classmethod
    def load(cls, folder: Path) -> "Catalogue":
        """Read every file of the folder; raises ``CatalogueError`` with every broken rule."""
        broken: list[str] = []
        data = {path.name: _read(path, broken) for path in sorted(folder.glob("*.yml"))}
        if data.get(EXAMPLE) is None:
            broken.append(f"{folder / EXAMPLE}: missing, so there is no schema to check against")
            raise CatalogueError("The catalogue cannot be used.\n" + "\n".join(broken))
        shape = derive(data[EXAMPLE])
        found = {}
        for name, content in data.items():
            if content is None:
                continue
            rules = _Checker(name, data, shape)
            framework = rules.framework(content)
            broken += rules.broken
            if framework is not None and not name.startswith("_"):
                found[framework.key] = framework
        if broken:
            raise CatalogueError("The catalogue cannot be used.\n" + "\n".join(broken))
        return cls(found)


class _Loader(yaml.CSafeLoader):
    """YAML without objects of Python, and without a key that silently wins over its double."""


def _no_doubles(loader: _Loader, node: yaml.MappingNode) -> dict[object, object]:
    mapping = loader.construct_mapping(node, deep=True)
    if len(mapping) != len(node.value):
        keys = [key.value for key, _ in node.value]
        doubles = sorted({str(key) for key in keys if keys.count(key) > 1})
        raise yaml.MarkedYAMLError(
            problem=f"a key stands twice: {', '.join(doubles)}", problem_mark=node.start_mark
        )
    return mapping


_Loader.add_constructor("tag:yaml.org,2002:map", _no_doubles)


def _read(path: Path, broken: list[str]) -> dict[str, Any] | None:
    try:
        content = path.read_bytes()
        if len(content) > SIZE_LIMIT:
            raise ValueError(f"larger than {SIZE_LIMIT // 1024} KB")
        data = yaml.load(content.decode(), _Loader)  # noqa: S506 - _Loader is a safe loader.
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        broken.append(f"{path.name}: not readable as YAML{line}: {error.problem}")
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        broken.append(f"{path.name}: not readable as YAML: {error}")
    else:
        if isinstance(data, dict):
            return data
        broken.append(f"{path.name}: must be a mapping of keys")
    return None


class _Checker:
    """Turns one file's data into a ``Framework`` and keeps every rule that it breaks."""

    def __init__(self, name: str, files: Mapping[str, Any], shape: Shape) -> None:
        self.name = name
        self.files = files
        self.shape = shape
        self.broken: list[str] = []

    def say(self, place: str, sentence: str) -> None:
        self.broken.append(f"{self.name}: {place}: {sentence}")

    def framework(self, content: Mapping[str, Any]) -> Framework | None:
        """The framework, or None when the file is only a part or broken."""
        self.broken += [f"{self.name}: {line}" for line in broken_rules(content, self.shape)]
        if self.broken:
            return None
        data = self._with_base(content)
        sections = {key: read_section(key, data.get(key, []), self.say) for key in SECTIONS}
        if self.name.startswith("_") and self.name != EXAMPLE:
            return None
        self._check_required(data)
        self._check_values(data)
        if self.broken:
            return None
        values: dict[str, Any] = {
            key: data[key] for key in data if key not in sections and key != "like"
        }
        values |= sections | {
            "key": self.name.removesuffix(".yml"),
            "resources": _resources(data),
            "environment": data.get("environment", {}),
            "secrets": data.get("secrets", {}),
            "require": tuple(_as_list(data.get("require"))),
            "programs": tuple(Program(**item) for item in _as_list(data.get("programs"))),
        }
        return Framework(**values)

    def _with_base(self, content: Mapping[str, Any]) -> dict[str, Any]:
        like = content.get("like")
        if like is None:
            return dict(content)
        base = self.files.get(f"{like}.yml")
        if not like.startswith("_") or like == "_example" or base is None:
            self.say("like", f"there is no file {like[:60]}.yml beside it whose keys may be taken")
            return dict(content)
        if "like" in base:
            self.say("like", f"{like}.yml is itself like another file")
        merged = {**base, **content}
        for key in MERGED:
            merged[key] = {**base.get(key, {}), **content.get(key, {})}
        return merged

    def _check_required(self, data: Mapping[str, Any]) -> None:
        for item in fields(Framework):
            needed = item.default is MISSING and item.default_factory is MISSING
            if needed and item.name != "key" and item.name not in data:
                self.say(item.name, "missing")

    def _check_values(self, data: Mapping[str, Any]) -> None:
        key = self.name.removesuffix(".yml")
        if self.name != EXAMPLE and not KEY.fullmatch(key):
            self.say("the file's name", "must be lower case letters, digits and single dashes")
        for name in ("name", "language", "version", "install_cmd", "hint"):
            text = data.get(name, "x")
            if not text.strip() or not text.isprintable():
                self.say(name, "must be one line of text, not empty")
        if not RUNTIME.fullmatch(data.get("runtime", "x")):
            self.say("runtime", "must be lower case letters, digits and _")
        if not 1024 <= data.get("port", 8000) <= 65535:
            self.say("port", "must be between 1024 and 65535")
        if not data.get("health_path", "/").startswith("/"):
            self.say("health_path", "must begin with /")
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(_resources(data), name) <= high:
                self.say(f"resources.{name}", f"must be between {low} and {high}")
        for name, template in data.get("secrets", {}).items():
            if ("{text}" in template) == ("{base64}" in template):
                self.say(f"secrets.{name}", "must hold one of {text} and {base64}")


def _resources(data: Mapping[str, Any]) -> Resources:
    return Resources(**(asdict(DEFAULT_RESOURCES) | data.get("resources", {})))


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
