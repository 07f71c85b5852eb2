"""The guest program, packed for its way into a guest: the same bytes from the same sources."""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SANDBOX = ("entering", "forwarder", "health", "kernel", "layout", "processes", "removal", "sockets")
PACKAGES = (
    "paas",
    "paas/targets",
    "paas/targets/local",
    "paas/targets/local/sandbox",
    "paas/targets/proxmox",
    "paas/targets/proxmox/guest",
)
HELPERS = ("frameworks/static_server.py", "frameworks/php_router.php")
BORN = (1980, 1, 1, 0, 0, 0)
MAIN = """\
import sys

if sys.version_info < (3, 11):
    sys.exit("The template's Python is too old: guests need Debian 12 or newer.")
from paas.targets.proxmox.guest.verbs import main

sys.exit(main(sys.argv[1:]))
"""

# Runs in the guest: unpacked, Python keeps what it has compiled, which halves the start. Several
# processes may bring the program at once; each has a draft of its own, and the first one wins.
UNPACK = """\
import io, os, shutil, sys, tempfile, zipfile
place = sys.argv[1]
folder, name = os.path.split(place)
os.makedirs(folder, exist_ok=True)
content = sys.stdin.buffer.read()
draft = tempfile.mkdtemp(prefix=f".{name}.", dir=folder)
try:
    zipfile.ZipFile(io.BytesIO(content)).extractall(draft)
    os.chmod(draft, 0o755)
    os.rename(draft, place)
except OSError:
    if not os.path.isdir(place):
        raise
finally:
    shutil.rmtree(draft, ignore_errors=True)
"""


@dataclass(frozen=True)
class Program:
    """The packed program; ``name`` is its folder in guests, and tells versions apart."""

    name: str
    content: bytes


@cache
def program() -> Program:
    """Pack the program: its own modules, those it shares, and the helpers of start commands."""
    files = {f"{package}/__init__.py": "" for package in PACKAGES}
    own = sorted((ROOT / "paas/targets/proxmox/guest").glob("*.py"))
    shared = [ROOT / f"paas/targets/local/sandbox/{name}.py" for name in SANDBOX]
    for path in (*own, *shared):
        files[str(path.relative_to(ROOT))] = path.read_text()
    files["paas_release.py"] = (ROOT / "ansible/library/paas_release.py").read_text()
    for helper in HELPERS:
        files[f"helpers/{Path(helper).name}"] = (ROOT / helper).read_text()
    files["__main__.py"] = MAIN
    content = _pack(files)
    return Program(f"guest-{hashlib.sha256(content).hexdigest()[:16]}", content)


def _pack(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, BORN), files[name], zipfile.ZIP_DEFLATED)
    return packed.getvalue()
