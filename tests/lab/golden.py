"""What the lab's guests are made of: two golden images, built once by mmdebstrap.

An image is a folder in the cache, named by the digest of all that goes into it, and is never
written to again: guests are overlays above it. ``lab-debian-12`` has
the runtimes in it, as ``paas templates build`` would make it; ``lab-debian-12-plain`` has none.
"""

import hashlib
import inspect
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.lab import roles
from tests.lab.caching import once
from tests.lab.commands import remove, run
from tests.lab.hypervisor import HypervisorError

SUITE = "bookworm"
# Ansible needs Python, its apt module python3-apt, its pip module packaging.
PLAIN = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "openssh-server",
    "python3",
    "python3-apt",
    "python3-packaging",
    "iproute2",
    "ca-certificates",
    "sudo",
    "zstd",
)
# Go is left out: it is as big as all the others.
RUNTIMES = (
    "python3-venv",
    "python3-pip",
    *roles.runtime_packages("node"),
    *roles.runtime_packages("php"),
)
# What would start by itself in a guest that has no keyboard and lives for minutes.
MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "systemd-tmpfiles-clean.timer",
    "getty.target",
    "console-getty.service",
    "systemd-networkd-wait-online.service",
    "systemd-udevd.service",
)
# What a guest must have of its own, and what only takes room.
EMPTIED = ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man")
SOURCES = ("etc/apt/sources.list", "etc/apt/sources.list.d/*")


@dataclass(frozen=True)
class Recipe:
    """An image's name and the Debian packages in it."""

    name: str
    packages: tuple[str, ...]

    def digest(self, mirror_key: bytes) -> str:
        """Names the result: another recipe, other instructions or another key are another image."""
        code = inspect.getsource(_bootstrap) + inspect.getsource(_prepare)
        words = [code, SUITE, *MASKED, *EMPTIED, *SOURCES, mirror_key.hex(), *self.packages]
        return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]


RECIPES = (
    Recipe("lab-debian-12", PLAIN + RUNTIMES),
    Recipe("lab-debian-12-plain", PLAIN),
)


def host_sources() -> list[Path]:
    """The files in which this machine names where its Debian packages come from."""
    found = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    return [
        path
        for path in found
        if path.suffix in {".list", ".sources"}
        and path.is_file()
        and "debian.org" in path.read_text()
    ]


def build(recipe: Recipe, cache: Path, mirror_key: Path) -> Path:
    """The image's folder, made when the cache has none; half a minute to a minute then.

    ``mirror_key`` is the public key by which guests trust the lab's package mirror, as an
    administrator puts the key of the site's own mirror into the site's template.
    """

    def fill(place: Path) -> None:
        _bootstrap(recipe, place)
        _prepare(place, mirror_key)

    return once(cache, f"{recipe.name}-{recipe.digest(mirror_key.read_bytes())}", fill)


def _bootstrap(recipe: Recipe, place: Path) -> None:
    sources = host_sources()
    if not sources:
        raise HypervisorError("no file below /etc/apt names a Debian archive to build images from")
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"]
    # Nothing is lost when the machine loses power in the middle: the image is then built anew.
    command += ["--dpkgopt=force-unsafe-io", f"--include={','.join(recipe.packages)}"]
    command += [SUITE, str(place), *map(str, sources)]
    run(command, f"building the image {recipe.name}", timeout=900)


def _prepare(place: Path, mirror_key: Path) -> None:
    for pattern in (*SOURCES, "etc/ssh/ssh_host_*", "var/log/journal/*"):
        for path in place.glob(pattern):
            remove(path)
    for name in EMPTIED:
        for path in (place / name).glob("*"):
            remove(path)
    # APT counts its lists as fresh for as long as this folder is young.
    os.utime(place / "var/lib/apt/lists", (0, 0))
    (place / "etc/machine-id").write_text("")
    (place / "var/lib/dbus/machine-id").unlink(missing_ok=True)
    for unit in MASKED:
        (place / "etc/systemd/system" / unit).symlink_to("/dev/null")
    (place / "etc/ssh/sshd_config.d/lab.conf").write_text("UseDNS no\nPasswordAuthentication no\n")
    shutil.copy(mirror_key, place / "etc/apt/trusted.gpg.d/lab-mirror.gpg")


def pack(tree: Path, archive: Path) -> None:
    """Write an image as the template archive that an administrator would upload (.tar.zst)."""
    with subprocess.Popen(
        ["tar", "--numeric-owner", "--xattrs", "-C", str(tree), "-cf", "-", "."],
        stdout=subprocess.PIPE,
    ) as packed:
        subprocess.run(
            ["zstd", "-q", "-T0", "-f", "-o", str(archive)], stdin=packed.stdout, check=True
        )
    if packed.returncode:
        raise HypervisorError(f"packing {tree.name} failed: tar ended with {packed.returncode}")
