"""How a process enters a guest: its user, its limits, its folder, its environment."""

import os
from pathlib import Path
from typing import NamedTuple

from . import kernel
from .layout import Guest, GuestError, platform_file, read_json

APP = "PAAS_ROLE=app"
BUILD = "PAAS_ROLE=build"
SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin")


class Options(NamedTuple):
    """What a release runs with: the hash of its dependencies, and its runtime's program."""

    dependencies: str = ""
    runtime: str = ""


def mark(guest: Guest) -> str:
    """The environment entry that every process of a guest starts with."""
    return f"PAAS_GUEST={guest.uuid}"


def enter(
    guest: Guest, number: int, options: Options, *, port: int, role: str
) -> tuple[dict[str, str], dict[str, object]]:
    """Turn this process into one of the guest's; the environment, and the release's own file.

    The file lies where the guest may write, so it is opened with the guest's rights only.
    """
    shared = _read(platform_file(guest.folder))
    kernel.limit(guest)
    kernel.become(guest)
    os.umask(0o022)
    release = _read(guest.env_file(number))
    folder = _app_folder(guest, number, release)
    environment = {
        **_base(guest),
        **_texts(shared.get("environment")),
        **_texts(release.get("environment")),
        "PATH": os.pathsep.join(_path(guest, folder, options, shared)),
        "HOME": str(guest.home),
        "TMPDIR": str(guest.home / "tmp"),
        "PORT": str(port),
        "PAAS_DATA_DIR": str(guest.home / "data"),
        "PAAS_RELEASE": str(number),
    }
    environment.pop("PAAS_SUPERVISOR", None)
    for entry in (mark(guest), role):
        name, _, value = entry.partition("=")
        environment[name] = value
    os.chdir(folder if folder.is_dir() else guest.home)
    return environment, release


def _read(path: Path) -> dict[str, object]:
    try:
        return read_json(path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise GuestError(f"{path} cannot be used: {error}") from None


def _app_folder(guest: Guest, number: int, release: dict[str, object]) -> Path:
    return guest.release_folder(number) / str(release.get("root") or "")


def _base(guest: Guest) -> dict[str, str]:
    return {
        "HOST": "127.0.0.1",
        "LANG": "C.UTF-8",
        "LOGNAME": "app",
        "PYTHONUNBUFFERED": "1",
        "SHELL": "/bin/sh",
        "USER": "app",
        "HOSTNAME": guest.hostname,
    }


def _texts(found: object) -> dict[str, str]:
    if not isinstance(found, dict):
        return {}
    return {str(name): str(value) for name, value in found.items()}


def _path(
    guest: Guest, folder: Path, options: Options, shared: dict[str, object]
) -> tuple[str, ...]:
    """Where programs are looked for: the release's own, its runtime's, the platform's, the
    system's."""
    own: tuple[str, ...] = (str(folder / "node_modules" / ".bin"),)
    if options.dependencies:
        kept = guest.home / "dependencies" / options.dependencies
        own = (str(kept / "bin"), str(kept / "node_modules" / ".bin"), *own)
    if options.runtime:
        own = (*own, str(Path(options.runtime).parent))
    given = shared.get("path")
    tools = tuple(str(entry) for entry in given) if isinstance(given, list) else ()
    return (*own, *tools, *SYSTEM_PATH)
