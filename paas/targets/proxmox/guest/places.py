"""Where things are in a guest that is a machine of its own."""

import grp
import hashlib
import pwd
from pathlib import Path

from paas.targets.local.sandbox import layout
from paas.targets.local.sandbox.layout import Guest, GuestError

LIBRARY = Path("/usr/local/lib/paas")
STATE = Path("/var/lib/paas")
HOME = Path("/srv/app")
UNITS = Path("/etc/systemd/system")
USER = "app"
FRONT_USER = "paas-front"
READABLE = 0o644


class Machine(Guest):
    """The guest that this machine is: its files are where a machine keeps them."""

    __slots__ = ()

    @property
    def home(self) -> Path:
        return HOME


def program() -> Path:
    """The guest program, whichever version is installed."""
    return LIBRARY / "paas-guest"


def tools() -> Path:
    """Programs that the platform has brought: uv."""
    return LIBRARY / "bin"


def helpers() -> Path:
    """Programs that start commands of the catalogue run."""
    return program() / "helpers"


def pythons() -> Path:
    """Where uv puts Pythons that the system lacks."""
    return LIBRARY / "python"


def python_for(wanted: str) -> Path:
    """The folder of the Python that was installed for what a repository asks for."""
    return pythons() / hashlib.sha256(wanted.encode()).hexdigest()[:12]


def release_file(number: int) -> Path:
    """What a release runs with: its private port, dependencies, runtime."""
    return STATE / "releases" / f"{number}.json"


def bare_file() -> Path:
    """There when this machine cannot give releases the sandbox that systemd makes of mounts."""
    return STATE / "unsandboxed"


def work_folder() -> Path:
    """What is being done, and what it has said so far."""
    return STATE / "work"


def load() -> Machine:
    """This machine, as it was set up."""
    return Machine(*layout.load(STATE))


def owner() -> tuple[int, int]:
    """User and group of the app."""
    try:
        return pwd.getpwnam(USER).pw_uid, grp.getgrnam(USER).gr_gid
    except KeyError:
        raise GuestError(f"The user {USER} is missing: this guest was not set up.") from None
