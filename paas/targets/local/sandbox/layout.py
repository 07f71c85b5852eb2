"""The folder of a guest: where its files are, and how they are read and written."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

FAILED = 1
USAGE = 2
FOREIGN = 3


class GuestError(Exception):
    """A sentence for the person who can act; ``code`` is the exit code of the program."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


class Guest(NamedTuple):
    """A guest as its marker file has it; ``memory`` in MB, ``disk`` in GB."""

    folder: Path
    uuid: str
    marker: str
    hostname: str
    address: str
    port: int
    cores: int
    memory: int
    disk: int
    uid: int

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def has_own_user(self) -> bool:
        """Whether the guest's processes run as a user of their own."""
        return os.geteuid() == 0 and self.uid != 0

    def release_folder(self, number: int) -> Path:
        return self.home / "releases" / str(number)

    def env_file(self, number: int) -> Path:
        return self.home / "releases" / f"{number}.env.json"


HOME_FOLDERS = ("releases", "dependencies", "data", "cache", "tmp")


def marker_file(folder: Path) -> Path:
    """The file that says whose guest this is and what it may use."""
    return folder / "guest.json"


def state_file(folder: Path) -> Path:
    """What the supervisor wants: the current release, running or stopped."""
    return folder / "state.json"


def platform_file(folder: Path) -> Path:
    """What the platform gives to every process of the guest: PATH, caches, certificates."""
    return folder / "platform.json"


def log_folder(folder: Path) -> Path:
    """The app's output as JSON lines, and the supervisor's own complaints."""
    return folder / "log"


def load(folder: Path) -> Guest:
    """The guest in this folder; ``GuestError`` when there is none."""
    try:
        found = read_json(marker_file(folder))
        return build(folder, found)
    except FileNotFoundError:
        raise GuestError(f"There is no guest in {folder}.") from None
    except (KeyError, ValueError) as error:
        raise GuestError(f"The marker file of the guest in {folder} is damaged: {error}") from None


def build(folder: Path, values: Mapping[str, object]) -> Guest:
    """A guest of values that may be texts; ``KeyError`` or ``ValueError`` names a broken one."""

    def text(name: str) -> str:
        if not values[name]:
            raise ValueError(f"{name} is empty")
        return str(values[name])

    return Guest(
        folder=folder,
        uuid=text("uuid"),
        marker=text("marker"),
        hostname=text("hostname"),
        address=text("address"),
        port=int(text("port")),
        cores=int(text("cores")),
        memory=int(text("memory")),
        disk=int(text("disk")),
        uid=int(str(values["uid"])),
    )


def save(guest: Guest) -> None:
    """Write the marker file."""
    values = guest._asdict()
    del values["folder"]
    write_json(marker_file(guest.folder), values)


def read_json(path: Path) -> dict[str, object]:
    """The object in a file; ``ValueError`` when it holds anything else."""
    found = json.loads(path.read_bytes())
    if not isinstance(found, dict):
        raise ValueError(f"{path} must hold a JSON object")
    return found


def write_json(path: Path, values: Mapping[str, object], mode: int = 0o600) -> None:
    """Replace a file at once and for good: a reader or a power cut sees the old or the new."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        json.dump(values, file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
