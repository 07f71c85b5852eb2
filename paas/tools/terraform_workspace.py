"""The files of one guest's Terraform configuration."""

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from paas.domain.errors import StepFailed

TEMPLATE = Path(__file__).resolve().parents[2] / "terraform" / "root.tf.j2"
BLOCK = re.compile(r'^(variable|output) "([a-z][a-z0-9_]*)" \{\n(.*?)^\}', re.M | re.S)
SENSITIVE = re.compile(r"^\s*sensitive\s*=\s*true\b", re.M)
REQUIRED = re.compile(r"^  required_providers \{\n(.*?)^  \}", re.M | re.S)
PROVIDER = re.compile(
    r'^    ([a-z][a-z0-9-]*) = \{\s*source\s*=\s*"([^"]+)"\s*version\s*=\s*"([^"]+)"\s*\}', re.M
)


@dataclass(frozen=True)
class Name:
    """A variable or output that the module declares."""

    name: str
    sensitive: bool


@dataclass(frozen=True)
class Provider:
    """A provider that the module requires, at one exact version."""

    name: str
    source: str
    version: str


@dataclass(frozen=True)
class Workspace:
    """A folder that Terraform can run in; ``digest`` names its configuration without values."""

    folder: Path
    digest: str
    providers: tuple[Provider, ...] = ()

    @classmethod
    def make(
        cls, folder: Path, module: Path, values: Mapping[str, object], *, backend: bool = True
    ) -> "Workspace":
        """Write root module, a copy of the target's module, and the values, which stay literal.

        Variables without a value have the module's default.
        Without ``backend`` the state is a local file, as for someone who takes the app home.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        variables = _declared(module, "variable")
        unknown = values.keys() - {variable.name for variable in variables}
        if unknown:
            raise StepFailed(f"the module {module.name} has no variable {min(unknown)!r}")
        given = [variable for variable in variables if variable.name in values]
        providers = required_providers(module)
        main = render_root(given, _declared(module, "output"), backend=backend, providers=providers)
        (folder / "main.tf").write_text(main)
        shutil.copytree(module, folder / "guest", dirs_exist_ok=True, ignore=_not_tf)
        _write_secret(folder / "terraform.tfvars.json", json.dumps(values, indent=2) + "\n")
        return cls(folder, _digest(folder), providers)


def required_providers(module: Path) -> tuple[Provider, ...]:
    """The providers that a module requires; those that are built in need no mention."""
    found = []
    for file in sorted(module.glob("*.tf")):
        for block in REQUIRED.finditer(file.read_text()):
            found += [Provider(*match.groups()) for match in PROVIDER.finditer(block[1])]
    return tuple(found)


def render_root(
    variables: list[Name],
    outputs: list[Name],
    *,
    backend: bool,
    providers: tuple[Provider, ...] = (),
) -> str:
    """The root module's text, from names of the reviewed module only."""
    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701
    template = environment.from_string(TEMPLATE.read_text())
    text = template.render(
        variables=variables, outputs=outputs, backend=backend, providers=providers
    )
    return text + "\n"


def _declared(module: Path, kind: str) -> list[Name]:
    found = []
    for file in sorted(module.glob("*.tf")):
        for match in BLOCK.finditer(file.read_text()):
            if match[1] == kind:
                found.append(Name(match[2], SENSITIVE.search(match[3]) is not None))
    return found


def _not_tf(folder: str, names: list[str]) -> list[str]:
    del folder
    return [name for name in names if not name.endswith(".tf")]


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.tf")):
        digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:32]
