"""The part of doctor's work that looks at the machine: disk, clock, limits, folders."""

import os
import resource
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from paas.services.findings import Finding
from paas.settings import CHECKOUT, Settings

FREE_MB = 1024
FREE_INODES = 20_000
LEAST_FILES = 1024
LEAST_PROCESSES = 256
SKEW = 60.0
SECRETS = ("secret.key", "session.key", "access.key", "token")


def python(_settings: Settings) -> Iterator[Finding]:
    """The interpreter is new enough."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding(
        "python",
        sys.version_info >= (3, 11),
        f"Python {version} at {sys.executable}.",
        "" if sys.version_info >= (3, 11) else "Install Python 3.11 or newer; then `make run`.",
    )


def disk(settings: Settings) -> Iterator[Finding]:
    """Room for releases and dependencies, in bytes and in files."""
    folder = nearest(settings.instance)
    free = shutil.disk_usage(folder).free // (1024 * 1024)
    enough = free >= FREE_MB
    yield Finding(
        "disk",
        enough,
        f"{free:,} MB are free for {settings.instance}.",
        "" if enough else f"Free at least {FREE_MB} MB, or move PAAS_INSTANCE to another disk.",
    )
    status = os.statvfs(folder)
    # Some filesystems make inodes as they need them and say that there are none.
    if status.f_files:
        enough = status.f_favail >= FREE_INODES
        yield Finding(
            "inodes",
            enough,
            f"{status.f_favail:,} more files fit on that disk.",
            "" if enough else "Remove small files, or move PAAS_INSTANCE to another disk.",
        )


def folder(settings: Settings) -> Iterator[Finding]:
    """The instance's folder and its secrets are this user's alone."""
    here = settings.instance
    if not here.exists():
        yield _absent(here)
        return
    wanted = 0o711 if os.geteuid() == 0 else 0o700
    status = here.stat()
    mode = stat.S_IMODE(status.st_mode)
    owned = status.st_uid == os.geteuid()
    ok = owned and mode & ~wanted == 0 and os.access(here, os.W_OK | os.X_OK)
    yield Finding(
        "instance",
        ok,
        f"{here} has mode {mode:04o}{'' if owned else ' and belongs to another user'}.",
        "" if ok else _own(here, owned, wanted),
    )
    for name in SECRETS:
        yield from _secret(here / name)


def _absent(here: Path) -> Finding:
    parent = nearest(here)
    ok = os.access(parent, os.W_OK | os.X_OK)
    mend = "" if ok else f"Let this user write {parent}, or set PAAS_INSTANCE to another folder."
    return Finding("instance", ok, f"{here} is not there yet; the first start makes it.", mend)


def _own(path: Path, owned: bool, mode: int) -> str:
    return f"chmod {mode:o} {path}" if owned else f"chown {os.geteuid()} {path}"


def _secret(path: Path) -> Iterator[Finding]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return
    mode = stat.S_IMODE(status.st_mode)
    owned = status.st_uid == os.geteuid()
    if mode & 0o077 or not owned:
        says = f"{path} has mode {mode:04o}: others may read it."
        yield Finding(path.name, False, says, _own(path, owned, 0o600))


def reach(settings: Settings) -> Iterator[Finding]:
    """As root every guest has a user of its own, who must be able to reach its folder."""
    if os.geteuid() != 0:
        return
    # The instance's own mode is looked at with the folder; a start sets it.
    closed = [p for p in settings.instance.parents if p.exists() and not p.stat().st_mode & 0o001]
    if closed:
        yield Finding(
            "reach",
            False,
            f"Guests run as users of their own and cannot pass through {closed[-1]}.",
            f"chmod o+x {closed[-1]}, or set PAAS_INSTANCE to a folder such as "
            f"/var/lib/paas/{CHECKOUT.name}.",
        )
    else:
        yield Finding("reach", True, f"Guests can reach their folders under {settings.instance}.")


def clock(settings: Settings) -> Iterator[Finding]:
    """The clock is not behind what was written before: leases and certificates need it."""
    known = [Path(__file__), settings.instance / "paas.db", settings.log_folder / "paas.log"]
    newest = max((path.stat().st_mtime for path in known if path.exists()), default=0.0)
    behind = newest - time.time()
    ok = behind < SKEW
    says = time.strftime("It is %Y-%m-%d %H:%M:%S UTC.", time.gmtime())
    if not ok:
        says += f" That is {behind:,.0f} s before the platform's own files were written."
    yield Finding("clock", ok, says, "" if ok else "Set the clock: timedatectl set-ntp true")


def limits(_settings: Settings) -> Iterator[Finding]:
    """What the kernel grants to a process of this user."""
    for name, kind, least, option in (
        ("open files", resource.RLIMIT_NOFILE, LEAST_FILES, "-n"),
        ("processes", resource.RLIMIT_NPROC, LEAST_PROCESSES, "-u"),
    ):
        soft, _hard = resource.getrlimit(kind)
        endless = soft == resource.RLIM_INFINITY
        ok = endless or soft >= least
        says = f"{'No limit' if endless else f'At most {soft:,}'} on {name}."
        yield Finding(f"limit: {name}", ok, says, "" if ok else f"ulimit {option} {least * 4}")
    for name, kind, option in (
        ("file size", resource.RLIMIT_FSIZE, "-f"),
        ("address space", resource.RLIMIT_AS, "-v"),
    ):
        soft, _hard = resource.getrlimit(kind)
        if soft != resource.RLIM_INFINITY:
            says = f"Processes are limited to {soft:,} bytes of {name}; builds may fail."
            yield Finding(f"limit: {name}", False, says, f"ulimit {option} unlimited")


def nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(one for one in (path, *path.parents) if one.exists())
