"""What a lab stands on: its number, its folder, its bridge, and guests on it."""

import fcntl
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.lab import golden, guests, network, packages
from tests.lab.commands import quiet, remove
from tests.lab.guests import LxcHypervisor
from tests.lab.hypervisor import HypervisorError
from tests.lab.images import ImageStore
from tests.lab.network import NUMBERS, Network, Plan

STATE = Path("/var/lib/paas-lab")
LXC_TEMPLATE = "local:vztmpl/lab-debian-12.tar.zst"
PLAIN_TEMPLATE = "local:vztmpl/lab-debian-12-plain.tar.zst"
VM_TEMPLATE, PLAIN_VM_TEMPLATE = 9000, 9001
# Each program with the Debian package that brings it.
PROGRAMS = {
    "lxc-start": "lxc",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "dnsmasq": "dnsmasq-base",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "apt-ftparchive": "apt-utils",
    "gpg": "gnupg",
    "zstd": "zstd",
    "npm": "npm",
    "ssh": "openssh-client",
    "git": "git",
}


@dataclass
class Ground:
    """Guests on a bridge, without an API; ``trees`` are the golden images, the plain one last."""

    plan: Plan
    folder: Path
    network: Network
    images: ImageStore
    hypervisor: LxcHypervisor
    trees: tuple[Path, Path]


def cache() -> Path:
    """Where images, packages and the provider are kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "paas-lab"


def obstacle() -> str:
    """Why this machine cannot run the lab, in words; "" when it can."""
    if sys.platform != "linux" or platform.machine() not in packages.ARCHITECTURES:
        return "the lab needs Linux on x86_64 or aarch64"
    if os.geteuid() != 0:
        return "the lab makes containers and a bridge, which only root may"
    missing = [package for name, package in PROGRAMS.items() if shutil.which(name) is None]
    if missing:
        return f"the lab needs more programs: apt install {' '.join(missing)}"
    if "overlay" not in Path("/proc/filesystems").read_text() and not quiet(
        ["modprobe", "overlay"]
    ):
        return "the kernel has no overlay file system"
    if not quiet(["nft", "list", "tables", "bridge"]):
        return "the kernel has no nftables for bridges"
    return ""


@contextmanager
def prepared(number: int | None = None) -> Iterator[Ground]:
    """From nothing to nothing; the first free number when none is given.

    Raises ``HypervisorError`` in words when something of it cannot be made.
    """
    why = obstacle()
    if why:
        raise HypervisorError(why)
    with _claimed(number) as plan:
        folder = STATE / str(plan.number)
        sweep(plan.number)
        key = packages.mirror_key(cache())
        full, plain = (golden.build(recipe, cache(), key) for recipe in golden.RECIPES)
        images = ImageStore(folder / "images")
        for image in (LXC_TEMPLATE, str(VM_TEMPLATE)):
            images.add(image, full)
        for image in (PLAIN_TEMPLATE, str(PLAIN_VM_TEMPLATE)):
            images.add(image, plain)
        net = Network(plan, folder)
        hypervisor = LxcHypervisor(folder, net, images)
        with ExitStack() as undo:
            # Each is undone whatever became of the one before.
            undo.callback(sweep, plan.number)
            undo.callback(net.down)
            undo.callback(hypervisor.close)
            net.up()
            yield Ground(plan, folder, net, images, hypervisor, (full, plain))


def sweep(number: int) -> list[str]:
    """Remove what a killed lab of this number left; returns the containers' names."""
    folder = STATE / str(number)
    found = guests.sweep(folder)
    network.sweep(Plan(number), folder)
    for path in folder.glob("*"):
        remove(path)
    return found


def sweep_all(numbers: Iterable[int] = NUMBERS) -> dict[int, list[str]]:
    """Sweep every number that no running lab holds; returns those swept."""
    swept = {}
    for number in numbers:
        with suppress(Busy), _claimed(number):
            swept[number] = sweep(number)
    return swept


class Busy(HypervisorError):
    """Another lab runs with the number asked for."""


@contextmanager
def _claimed(number: int | None) -> Iterator[Plan]:
    """Hold a lab's number: the lock on its folder ends with the process, however that ends."""
    for candidate in NUMBERS if number is None else (number,):
        folder = STATE / str(candidate)
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if not _lock(handle, folder):
                continue
            try:
                yield Plan(candidate)
            finally:
                with suppress(OSError):
                    folder.rmdir()
                    STATE.rmdir()
            return
        finally:
            os.close(handle)
    which = "every number" if number is None else f"number {number}"
    raise Busy(f"a lab with {which} runs already on this machine")


def _lock(handle: int, folder: Path) -> bool:
    """Whether the folder is ours now, and still the one that others will find."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(handle).st_ino == folder.stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        return False
