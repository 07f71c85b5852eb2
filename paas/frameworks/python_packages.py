"""What a Python repository depends on, in each of the files that may say so."""

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeGuard

from paas.domain.errors import StepFailed
from paas.frameworks.source import DATA_LIMIT, Source, value_at

NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
INCLUDE = re.compile(r"\s*(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)")
LOCAL = re.compile(r"\s*(?:-e\s|--editable[\s=]|\.|file:|[\w.-]+\s*@\s*file:)")
INCLUDED_LIMIT = 50


def normal(name: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_requirements(path: str) -> bool:
    """Whether the file is a list of requirements as pip reads it."""
    return path.endswith((".txt", ".in"))


def requirement_files(source: Source, path: str) -> list[str]:
    """A requirements file and those that it includes, as far as they are in the repository."""
    found = [path]
    for file in found:
        for line in _lines(source, file):
            hit = INCLUDE.match(line)
            inner = (
                posixpath.normpath(posixpath.join(posixpath.dirname(file), hit[1])) if hit else ""
            )
            if inner and source.has(inner) and inner not in found and len(found) < INCLUDED_LIMIT:
                found.append(inner)
    return found


def names_in(source: Source, path: str) -> frozenset[str]:
    """The packages that a dependency file names, as far as it can be read without running it."""
    file = posixpath.basename(path)
    if is_requirements(path):
        lines = (line for part in requirement_files(source, path) for line in _lines(source, part))
        return _names(lines)
    if file in ("uv.lock", "poetry.lock"):
        packages = value_at(source.data(path), "package")
        return (
            _names(str(_of(item, "name")) for item in packages) if _is_list(packages) else _none()
        )
    if file == "Pipfile.lock":
        return _names(_keys(value_at(source.data(path), "default")))
    if file == "Pipfile":
        return _names(_keys(value_at(source.data(path), "packages")))
    if file == "pyproject.toml":
        listed = value_at(source.data(path), "project.dependencies")
        poetry = _keys(value_at(source.data(path), "tool.poetry.dependencies"))
        names = [str(item) for item in listed] if _is_list(listed) else []
        return _names([*names, *poetry])
    return _none()


def has_local_parts(source: Source, path: str) -> bool:
    """Whether installing it copies code of the repository itself."""
    if not is_requirements(path):
        return posixpath.basename(path) == "setup.py"
    return any(
        LOCAL.match(line)
        for file in requirement_files(source, path)
        for line in _lines(source, file)
    )


def pipfile_lock(source: Source, path: str) -> list[str]:
    """The pinned packages of a Pipfile.lock."""
    return _pins(path, value_at(source.data(path), "default"))


def pipfile(source: Source, path: str) -> list[str]:
    """The packages of a Pipfile."""
    return _pins(path, value_at(source.data(path), "packages"))


def poetry(source: Source, path: str) -> list[str]:
    """The packages of a pyproject.toml that Poetry reads."""
    found = value_at(source.data(path), "tool.poetry.dependencies")
    wanted = {k: v for k, v in found.items() if k != "python"} if isinstance(found, dict) else None
    return _pins(path, wanted)


def poetry_lock(source: Source, path: str) -> list[str]:
    """The pinned packages of a poetry.lock, those of the main group alone."""
    packages = value_at(source.data(path), "package")
    if not _is_list(packages):
        raise StepFailed(f"{path} lists no packages")
    pins = {}
    for item in packages:
        groups = _of(item, "groups")
        main = "main" in groups if _is_list(groups) else _of(item, "category") in (None, "main")
        if main and not _of(item, "optional"):
            markers = _of(item, "markers")
            marker = markers if isinstance(markers, str) else ""
            pins[str(_of(item, "name"))] = {
                "version": f"=={_of(item, 'version')}",
                "markers": marker,
            }
    return _pins(path, pins)


PARSERS: Mapping[str, Callable[[Source, str], list[str]]] = {
    "pipfile-lock": pipfile_lock,
    "pipfile": pipfile,
    "poetry-lock": poetry_lock,
    "poetry": poetry,
}


def _pins(path: str, packages: object) -> list[str]:
    if not isinstance(packages, Mapping):
        raise StepFailed(f"{path} lists no packages")
    return [pin for name, wanted in packages.items() for pin in _pin(path, str(name), wanted)]


def _pin(path: str, name: str, wanted: object) -> list[str]:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise StepFailed(f"{path}: {name[:60]!r} is not the name of a package")
    if isinstance(wanted, str):
        return [name + _specifier(wanted)]
    if not isinstance(wanted, Mapping):
        return [name]
    if wanted.get("optional") is True:
        return []
    if "path" in wanted or wanted.get("editable"):
        raise StepFailed(
            f"{path}: {name} comes from a folder; only published packages are installed"
        )
    extras = wanted.get("extras")
    extra = f"[{','.join(str(item) for item in extras)}]" if _is_list(extras) else ""
    if "git" in wanted:
        ref = next((wanted[key] for key in ("rev", "ref", "tag", "branch") if key in wanted), "")
        return [f"{name}{extra} @ git+{wanted['git']}" + (f"@{ref}" if ref else "")]
    marker = wanted.get("markers") or ""
    text = name + extra + _specifier(str(wanted.get("version", "*")))
    return [f"{text} ; {marker}" if isinstance(marker, str) and marker else text]


def _specifier(text: str) -> str:
    """A constraint of Poetry or Pipenv as pip reads it; one that pip cannot say is left out."""
    parts = []
    for part in text.split(","):
        part = part.strip()
        hit = re.fullmatch(r"([\^~]?)\s*v?(\d+(?:\.\d+)*)(.*)", part)
        if part in ("", "*") or "|" in part:
            continue
        if hit is None:
            parts.append(part)
        elif hit[1]:
            parts.append(f">={hit[2]}{hit[3]},<{_next(hit[1], hit[2])}")
        else:
            parts.append(f"=={hit[2]}{hit[3]}")
    return ",".join(parts)


def _next(sign: str, version: str) -> str:
    """The first version that ``^`` (first part that is not 0) or ``~`` no longer takes."""
    numbers = [int(part) for part in version.split(".")]
    place = min(1, len(numbers) - 1)
    if sign == "^":
        place = next((i for i, number in enumerate(numbers) if number), len(numbers) - 1)
    return ".".join(str(number) for number in [*numbers[:place], numbers[place] + 1])


def _lines(source: Source, path: str) -> list[str]:
    text = source.text(path, DATA_LIMIT)
    if "\x00" in text:
        raise StepFailed(f"{path} is not UTF-8 text (perhaps UTF-16); save it as UTF-8")
    return [line.split(" #")[0] for line in text.splitlines() if not line.lstrip().startswith("#")]


def _names(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(normal(hit[1]) for text in texts if (hit := NAME.match(text)))


def _keys(value: object) -> list[str]:
    return [str(key) for key in value] if isinstance(value, Mapping) else []


def _of(item: object, key: str) -> object:
    return item.get(key) if isinstance(item, Mapping) else None


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _none() -> frozenset[str]:
    return frozenset()
