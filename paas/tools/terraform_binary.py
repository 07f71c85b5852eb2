"""Find a Terraform or OpenTofu that is new enough."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from paas.domain.errors import StepFailed
from paas.tools.process import clean_environment

OLDEST = (1, 8)
NAMES = ("terraform", "tofu")
VERSION_SECONDS = 30


@dataclass(frozen=True)
class Binary:
    """A program that was found; ``product`` is ``Terraform`` or ``OpenTofu``."""

    path: Path
    version: str
    product: str


def find_terraform(setting: str, path_env: str, tools_folder: Path) -> Binary:
    """The first usable one: the setting's, one on the search path, one fetched to the folder.

    Raises ``StepFailed`` that names what was looked at and what to do.
    """
    refused: list[str] = []
    for path in _candidates(setting, path_env, tools_folder):
        binary = _look_at(path)
        if isinstance(binary, Binary):
            return binary
        refused.append(binary)
    seen = f" Looked at: {'; '.join(refused)}." if refused else ""
    raise StepFailed(
        "There is no Terraform or OpenTofu of version "
        f"{OLDEST[0]}.{OLDEST[1]} or newer.{seen} Install one, name one in PAAS_TERRAFORM, or run "
        "python -m paas.tools.tofu to fetch OpenTofu"
    )


def _candidates(setting: str, path_env: str, tools_folder: Path) -> Iterator[Path]:
    if setting:
        found = shutil.which(setting, path=path_env)
        yield Path(found or setting)
        return
    for name in NAMES:
        if found := shutil.which(name, path=path_env):
            yield Path(found)
    for name in NAMES:
        if (path := tools_folder / name).is_file():
            yield path


def _look_at(path: Path) -> Binary | str:
    """The program, or a few words that say why it is of no use."""
    environment = clean_environment({}, {"CHECKPOINT_DISABLE": "1", "HOME": "/nonexistent"})
    try:
        done = subprocess.run(
            [str(path), "version", "-json"],
            env=environment,
            capture_output=True,
            timeout=VERSION_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        version = str(json.loads(done.stdout)["terraform_version"])
        numbers = tuple(int(part) for part in version.split("-")[0].split(".")[:2])
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return f"{path} does not say its version"
    if numbers < OLDEST:
        return f"{path} is of version {version}"
    # Both print the key terraform_version; only OpenTofu's plain answer begins with its name.
    return Binary(path.absolute(), version, _product(path, environment))


def _product(path: Path, environment: dict[str, str]) -> str:
    if "tofu" in path.name:
        return "OpenTofu"
    done = subprocess.run(
        [str(path), "version"],
        env=environment,
        capture_output=True,
        timeout=VERSION_SECONDS,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return "OpenTofu" if done.stdout.startswith(b"OpenTofu") else "Terraform"
