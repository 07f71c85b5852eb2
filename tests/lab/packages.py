"""What guests without a way out install, fetched once by this machine's own clients.

Three folders in the cache, each named by the digest of what was asked for and served as it is by
``mirrors.py``: Debian packages, Python wheels, npm packages. The wishes are those of the samples
and of the catalogue, so a sample that changes its packages fills a new folder.
"""

import hashlib
import importlib.metadata
import json
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import yaml

from paas.settings import CHECKOUT
from tests.lab import npm_registry, roles
from tests.lab.caching import once
from tests.lab.commands import quiet, run
from tests.lab.golden import SUITE, host_sources

# Changed whenever the folders' form changes, so that older ones in a cache are not taken.
LAYOUT = "1"
CATALOGUE = CHECKOUT / "frameworks"
# What people and tests install besides what the roles bring.
FURTHER = (
    ["python3-venv", "python3-pip", "python3-packaging"],
    ["acl", "ca-certificates", "curl", "rsync", "unzip", "xz-utils"],
)
# The Python in Debian 12, whatever Python runs this.
GUEST_PYTHON = ("--implementation", "cp", "--python-version", "3.11")
GUEST_TAGS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def mirror_key(cache: Path) -> Path:
    """The public half of the key that signs the Debian mirror; the pair is made once per cache."""

    def fill(place: Path) -> None:
        home = place / "home"
        home.mkdir(mode=0o700, parents=True)
        try:
            identity = ["lab mirror", "ed25519", "sign", "never"]
            run([*_gpg(home), "--quick-gen-key", *identity], "making the mirror's key")
            exported = ["--output", str(place / "public.gpg"), "--export"]
            run([*_gpg(home), *exported], "exporting the mirror's key")
        finally:
            _end_agent(home)

    return once(cache, "mirror-key", fill) / "public.gpg"


def debian(cache: Path, plain: Path) -> Path:
    """A signed mirror with what the roles need above the image ``plain``."""
    status = plain / "var/lib/dpkg/status"
    key = mirror_key(cache)
    groups = [*roles.all_packages(), *FURTHER]
    wishes = [*map(str, groups), status.read_text(), key.read_bytes().hex()]

    def fill(place: Path) -> None:
        _fill_debian(place, status, groups)
        _sign(place, key.parent / "home")

    return _once(cache, "apt", wishes, fill)


def wheels(cache: Path) -> Path:
    """Wheels for the guests' Python, with a PEP 503 index beside them in ``simple/``."""
    samples = sorted(CATALOGUE.glob("samples/*/requirements.txt"))
    loose = sorted({*_catalogue_wishes(), *_tools()})
    wishes = [*loose, *(path.read_text() for path in samples)]

    def fill(place: Path) -> None:
        for path in samples:
            _download_wheels(place / "wheels", ["--requirement", str(path)])
        for wish in loose:
            _download_wheels(place / "wheels", [wish])
        _index(place)

    return _once(cache, "pip", wishes, fill)


def npm(cache: Path) -> Path:
    """A registry's folder with the packages that the samples' lock files name for this machine."""
    locks = [json.loads(path.read_text()) for path in CATALOGUE.glob("samples/*/package-lock.json")]
    specs = sorted({spec for lock in locks for spec in npm_registry.wanted(lock)})

    def fill(place: Path) -> None:
        packed = place / "packed"
        packed.mkdir(parents=True)
        words = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", str(packed)]
        run([*words, *specs], "fetching npm packages", timeout=900, folder=packed)
        npm_registry.arrange(packed, place)
        shutil.rmtree(packed)

    return _once(cache, "npm", specs, fill)


def _once(cache: Path, kind: str, wishes: Iterable[str], fill: Callable[[Path], None]) -> Path:
    """The folder for these wishes."""
    digest = hashlib.sha256("\0".join([LAYOUT, *wishes]).encode()).hexdigest()[:16]
    return once(cache, f"{kind}-{digest}", fill)


def _fill_debian(place: Path, status: Path, groups: list[list[str]]) -> None:
    """Fetch by this machine's APT, as if it stood in the image."""
    state, pool = place / "state", place / "pool"
    for folder in (state / "lists/partial", state / "sources", pool / "partial"):
        folder.mkdir(parents=True)
    for path in host_sources():
        shutil.copy(path, state / "sources")
    options = {
        "Dir::State": state,
        "Dir::State::status": status,
        "Dir::Cache": state,
        "Dir::Cache::archives": pool,
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": state / "sources",
        "APT::Sandbox::User": "root",
        "APT::Install-Recommends": "false",
        "Acquire::Languages": "none",
    }
    apt = ["apt-get", "-q", "-y", *(f"-o{name}={value}" for name, value in options.items())]
    run([*apt, "update"], "reading the Debian archive", timeout=300)
    # Role by role: together they could satisfy each other in ways that one alone cannot.
    for group in groups:
        words = [*apt, "install", "--download-only", *group]
        run(words, f"fetching {' '.join(group)}", timeout=600)
    shutil.rmtree(state)
    shutil.rmtree(pool / "partial")
    (pool / "lock").unlink(missing_ok=True)


def _sign(place: Path, home: Path) -> None:
    architecture = ARCHITECTURES[platform.machine()]
    suite = place / "dists" / SUITE
    lists = suite / "main" / f"binary-{architecture}"
    lists.mkdir(parents=True)
    found = run(["apt-ftparchive", "packages", "pool"], "listing packages", folder=place)
    (lists / "Packages").write_text(found)
    about = {
        "Codename": SUITE,
        "Suite": SUITE,
        "Components": "main",
        "Architectures": architecture,
    }
    options = [f"-oAPT::FTPArchive::Release::{name}={value}" for name, value in about.items()]
    release = run(["apt-ftparchive", *options, "release", str(suite)], "describing the mirror")
    (suite / "Release").write_text(release)
    try:
        run(
            [*_gpg(home), "--output", suite / "InRelease", "--clearsign", suite / "Release"],
            "signing",
        )
    finally:
        _end_agent(home)


def _gpg(home: Path) -> list[str]:
    return ["gpg", "--homedir", str(home), "--batch", "--yes", "--quiet", "--passphrase", ""]


def _end_agent(home: Path) -> None:
    """GnuPG leaves an agent behind for the next call."""
    quiet(["gpgconf", "--homedir", home, "--kill", "all"])


def _download_wheels(place: Path, wishes: list[str]) -> None:
    machine = platform.machine()
    tags = [word for tag in GUEST_TAGS for word in ("--platform", f"{tag}_{machine}")]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
    words = [*pip, *GUEST_PYTHON, *tags, "--dest", str(place), *wishes]
    run(words, f"fetching wheels for {' '.join(wishes)}", timeout=600)


def _catalogue_wishes() -> set[str]:
    """What the platform adds when a repository does not name it."""
    found: set[str] = set()
    for path in CATALOGUE.glob("*.yml"):
        if path.name == "_example.yml":
            continue
        about = yaml.safe_load(path.read_text())
        found.update(about.get("require", []))
        found.update(held["package"] for held in about.get("programs", []))
    return found


def _tools() -> set[str]:
    """What prepares a guest: the platform's own uv, and the packages that make environments."""
    uv = importlib.metadata.version("uv")
    return {f"uv=={uv}", "pip", "packaging", "setuptools<81", "wheel"}


def _index(place: Path) -> None:
    """PEP 503: a page per project, the file's digest behind its link."""
    pages: dict[str, list[str]] = {}
    for wheel in sorted((place / "wheels").glob("*.whl")):
        project = re.sub(r"[-_.]+", "-", wheel.name.partition("-")[0]).lower()
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        link = f'<a href="../../wheels/{wheel.name}#sha256={digest}">{wheel.name}</a><br>'
        pages.setdefault(project, []).append(link)
    for project, links in pages.items():
        (place / "simple" / project).mkdir(parents=True)
        (place / "simple" / project / "index.html").write_text(_page(links))
    names = [f'<a href="{project}/">{project}</a><br>' for project in pages]
    (place / "simple" / "index.html").write_text(_page(names))


def _page(lines: list[str]) -> str:
    return "<!DOCTYPE html>\n<html><body>\n" + "\n".join(lines) + "\n</body></html>\n"
