"""Making a machine ready to be a guest: user, folders, units, certificates, packages' sources."""

import contextlib
import hashlib
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paas.targets.local.sandbox import layout
from paas.targets.local.sandbox.layout import GuestError

from . import files, packages, places, units

Request = Mapping[str, Any]

FIRST_ID = 2000
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
CERTIFICATES = Path("/usr/local/share/ca-certificates")
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
DRAFT_SECONDS = 3600.0
JOURNAL = Path("/etc/systemd/journald.conf.d/paas.conf")
JOURNAL_TEXT = """\
[Journal]
Storage=persistent
SystemMaxUse=200M
RateLimitIntervalSec=30s
RateLimitBurst=20000
"""


def set_up(request: Request) -> dict[str, object]:
    """Bring this machine to what is asked, unless it is there; ``changed`` says whether."""
    stamp = _stamp(request)
    file = places.STATE / "setup"
    with contextlib.suppress(FileNotFoundError):
        if file.read_text() == stamp:
            return {"changed": False}
    _make_users()
    _make_folders()
    _write_settings(request)
    _install_program()
    _trust(request["ca"])
    packages.choose(request["apt_mirror"], request["proxy"])
    _keep_journal()
    units.install()
    file.write_text(stamp)
    return {"changed": True}


def _stamp(request: Request) -> str:
    """What changes when the request or the program does."""
    text = json.dumps([_own_path().name, request], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _own_path() -> Path:
    return Path(sys.argv[0]).resolve()


def _make_users() -> None:
    for name, home in ((places.USER, places.HOME), (places.FRONT_USER, Path("/"))):
        try:
            pwd.getpwnam(name)
        except KeyError:
            _add_user(name, home)


def _add_user(name: str, home: Path) -> None:
    """A user whose group has the same number, which is how guests know both by one."""
    users = {entry.pw_uid for entry in pwd.getpwall()}
    groups = {int(line.split(":")[2]) for line in Path("/etc/group").read_text().splitlines()}
    number = next(i for i in range(FIRST_ID, 60000) if i not in users | groups)
    _run("groupadd", "--gid", str(number), name)
    shell = "/usr/sbin/nologin"
    given = ["--uid", str(number), "--gid", name, "--no-create-home", "--shell", shell]
    _run("useradd", *given, "--home-dir", str(home), name)


def _make_folders() -> None:
    uid, gid = places.owner()
    for folder in (places.STATE, places.release_file(0).parent, places.HOME):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    places.work_folder().mkdir(mode=0o700, exist_ok=True)
    home = os.open(places.HOME, FOLDER)
    try:
        os.fchown(home, uid, gid)
        for name in layout.HOME_FOLDERS:
            _give_folder(home, name, uid, gid)
    finally:
        os.close(home)


def _give_folder(home: int, name: str, uid: int, gid: int) -> None:
    """Give the app a folder in its home. What it has put there itself is not followed."""
    try:
        if stat.S_ISLNK(os.lstat(name, dir_fd=home).st_mode):
            os.unlink(name, dir_fd=home)
    except FileNotFoundError:
        pass
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=home)
    try:
        folder = os.open(name, FOLDER, dir_fd=home)
    except OSError:
        raise GuestError(
            f"{places.HOME / name} is not a folder. The app, or a command that builds it, has put "
            "something else there; remove that."
        ) from None
    try:
        os.fchown(folder, uid, gid)
    finally:
        os.close(folder)


def _write_settings(request: Request) -> None:
    """What every process of the app is given, which only the app and root may read."""
    uid, gid = places.owner()
    machine = layout.build(places.STATE, {**request["guest"], "uid": uid})
    values = machine._asdict()
    del values["folder"]
    before = layout.marker_file(places.STATE)
    port = layout.load(places.STATE).port if before.is_file() else machine.port
    layout.write_json(before, values, places.READABLE)
    if port != machine.port and units.is_active(units.FRONT):
        units.control("restart", "--", units.FRONT)
    shared = {"path": [str(places.tools())], "environment": request["environment"]}
    file = layout.platform_file(places.STATE)
    layout.write_json(file, shared, 0o640)
    os.chown(file, 0, gid)


def _install_program() -> None:
    """Let the units and the start commands use this very version."""
    own, link = _own_path(), places.program()
    places.tools().mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = link.with_name(f".{link.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(own.name)
    draft.replace(link)
    for old in own.parent.glob("guest-*"):
        if old != own:
            shutil.rmtree(old)
    # Who unpacks a draft now must not lose it; one this old belongs to nobody.
    for draft in own.parent.glob(".guest-*"):
        if time.time() - draft.stat().st_mtime > DRAFT_SECONDS:
            shutil.rmtree(draft)


def _trust(certificates: list[str]) -> None:
    """Let the system trust exactly these certificates besides its own."""
    bundle = BUNDLE.read_text() if BUNDLE.is_file() else ""
    names = {f"paas-{hashlib.sha256(t.encode()).hexdigest()[:12]}.crt": t for t in certificates}
    # A site's bundle often holds what every system trusts anyway: that is not added again.
    texts = {
        name: text
        for name, text in names.items()
        if (CERTIFICATES / name).is_file() or text.strip() not in bundle
    }
    old = [path for path in CERTIFICATES.glob("paas-*.crt") if path.name not in texts]
    for path in old:
        path.unlink()
    if texts:
        CERTIFICATES.mkdir(parents=True, exist_ok=True)
    written = [files.write(CERTIFICATES / name, text) for name, text in texts.items()]
    if old or any(written):
        _run("update-ca-certificates")


def _keep_journal() -> None:
    """Let the app's log outlive a restart of the machine, and bound it."""
    Path("/var/log/journal").mkdir(exist_ok=True)
    JOURNAL.parent.mkdir(exist_ok=True)
    if files.write(JOURNAL, JOURNAL_TEXT):
        units.control("restart", "systemd-journald.service")


def _run(*argv: str) -> None:
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())
        raise GuestError(f"{' '.join(argv)} failed: {said}")
