"""The languages of a guest: what its template has, and installing what it lacks."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from paas.targets.local.sandbox import layout
from paas.targets.local.sandbox.layout import GuestError

from . import places

Request = Mapping[str, Any]
Answer = dict[str, object]
Say = Callable[[str], None]

FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/go/bin")
PATTERNS = ("opt/*/bin", "usr/lib/go-*/bin")
PROBE_SECONDS = 30.0
LISTS = Path("/var/lib/apt/lists")
APT = ("apt-get", "--yes", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0")
QUIET = {"DEBIAN_FRONTEND": "noninteractive", "LANG": "C.UTF-8"}
# What the site tells its apps of the way out, which downloads for them need too.
WAY_OUT = {"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "UV_SYSTEM_CERTS"}


def find(names: str, probe: list[str]) -> list[dict[str, str]]:
    """Every version of a language: ``names`` is a pattern of its programs, which print their
    version when they are run with ``probe``. A program keeps the name that it was found by, which
    an update of the system leaves as it is."""
    pattern, found = re.compile(names), {}
    for path in _candidates(pattern):
        real = str(path.resolve())
        if real in found:
            continue
        said = _ask([str(path), *probe])
        version = re.search(r"\d+(?:\.\d+){1,2}", said[0]) if said else None
        if version:
            found[real] = {"version": version[0], "program": str(path)}
    return list(found.values())


def _candidates(pattern: "re.Pattern[str]") -> Iterator[Path]:
    root = Path("/")
    folders = [Path(folder) for folder in FOLDERS]
    folders += [path for glob in PATTERNS for path in sorted(root.glob(glob))]
    folders += sorted(places.pythons().glob("*/bin"))
    for folder in folders:
        for path in sorted(folder.glob("*")):
            if pattern.fullmatch(path.name) and os.access(path, os.X_OK):
                yield path


def _ask(argv: list[str]) -> list[str]:
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def look(request: Request) -> Answer | None:
    """What can be said at once: all is there, or a file is needed; None when there is work."""
    uv = request.get("uv")
    if uv and not _take_uv(uv):
        return {"needs": {"uv": str(_draft_of_uv())}}
    if _packages(request) or (
        request["python"] and not places.python_for(request["python"]).exists()
    ):
        return None
    return {"changed": False}


def _packages(request: Request) -> list[str]:
    """The packages of the programs that are missing."""
    wanted: dict[str, list[str]] = request["programs"]
    missing = [packages for program, packages in wanted.items() if not _which(program, request)]
    return list(dict.fromkeys(package for packages in missing for package in packages))


def _which(program: str, request: Request) -> str | None:
    """Where a program is: beside the runtime's, among the platform's, or the system's."""
    beside = str(Path(request["runtime"]).parent)
    return shutil.which(program, path=os.pathsep.join((beside, str(places.tools()), *FOLDERS)))


def _draft_of_uv() -> Path:
    return places.work_folder() / "uv.part"


def _take_uv(uv: Mapping[str, Any]) -> bool:
    """Put a whole copy of uv in its place; False when it must be sent first."""
    if shutil.which("uv", path=os.pathsep.join(FOLDERS)):
        return True
    program, stamp = places.tools() / "uv", places.tools() / "uv.sha256"
    if program.is_file() and stamp.is_file() and stamp.read_text() == uv["sha256"]:
        return True
    if os.uname().machine != uv["machine"]:
        raise GuestError(
            f"The guest's processor is {os.uname().machine} and the platform's {uv['machine']}, so "
            "the platform's uv cannot run here. Use a template that has uv in /usr/local/bin."
        )
    draft = _draft_of_uv()
    if not draft.is_file() or draft.stat().st_size != uv["size"]:
        return False
    if hashlib.sha256(draft.read_bytes()).hexdigest() != uv["sha256"]:
        draft.unlink()
        raise GuestError("The copy of uv was damaged on its way into the guest.")
    draft.chmod(0o755)
    draft.replace(program)
    stamp.write_text(uv["sha256"])
    return True


def install(request: Request, say: Say) -> Answer:
    """Install what is missing with apt, and a Python that Debian lacks with uv."""
    packages = _packages(request)
    if packages:
        say(f"Installing {', '.join(packages)} ...")
        _apt(packages, say)
    missing = [program for program in request["programs"] if not _which(program, request)]
    if missing:
        raise GuestError(f"After installing {', '.join(packages)}, {missing[0]} is still missing.")
    if request["python"]:
        _install_python(request, say)
    check = request.get("check")
    return {"changed": True, "versions": find(**check) if check else []}


def _apt(packages: list[str], say: Say) -> None:
    """Lists are fetched when there are none, and again when they turn out to be too old."""
    install = [*APT, "install", "--no-install-recommends", *packages]
    if not any(LISTS.glob("*_Packages*")):
        _say_all([*APT, "update"], say)
    elif _say_all(install, say) == 0:
        return
    else:
        _say_all([*APT, "update"], say)
    code = _say_all(install, say)
    if code != 0:
        raise GuestError(
            f"apt-get could not install {', '.join(packages)} (exit code {code}). Use a template "
            "that has them, or let guests reach a package mirror (PAAS_GUEST_APT_MIRROR)."
        )


def _install_python(request: Request, say: Say) -> None:
    wanted = request["python"]
    link = places.python_for(wanted)
    say(f"Installing Python {wanted} ...")
    uv = _which("uv", request) or "uv"
    folder = places.pythons() / f".{link.name}"
    argv = [uv, "python", "install", "--no-bin", "--no-config", "--install-dir", str(folder)]
    code = _say_all([*argv, "--", wanted], say)
    found = sorted(path.parents[1] for path in folder.glob("cpython-*/bin/python3"))
    if code != 0 or not found:
        raise GuestError(
            f"The repository asks for Python {wanted}, which the guest's template lacks, and uv "
            "could not install it. Use a template that has it, or change what the repository "
            "asks for."
        )
    link.symlink_to(found[-1])


def _say_all(argv: list[str], say: Say) -> int:
    shared = layout.read_json(layout.platform_file(places.STATE)).get("environment")
    told = shared.items() if isinstance(shared, dict) else ()
    way_out = {name: str(value) for name, value in told if name in WAY_OUT}
    environment = {**os.environ, **way_out, **QUIET}
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            say(line.rstrip("\n"))
    return process.returncode
