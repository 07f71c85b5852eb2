"""Real guests behind the fake API: each is an LXC container on the lab's bridge.

A VM is a container that plays one. Guests are privileged containers: the lab shows that the
platform's orchestration is right, not how Proxmox isolates.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import guest_files, lxc
from tests.lab.commands import remove, run
from tests.lab.firewall import Port
from tests.lab.hypervisor import Firewall, GuestConfig, HypervisorError
from tests.lab.images import ImageStore
from tests.lab.network import Network
from tests.lab.overlay import Disk


@dataclass
class Guest:
    """One guest that is there; ``lock`` is held by whoever changes it."""

    config: GuestConfig
    mac: str
    disk: Disk
    container: lxc.Container
    firewall: Firewall = field(default_factory=Firewall)


class LxcHypervisor:
    """A ``Hypervisor`` of real guests, all of whose files are below ``folder``."""

    def __init__(self, folder: Path, network: Network, images: ImageStore) -> None:
        self.path = folder.absolute() / "lxc"
        self.network = network
        self.images = images
        self._guests: dict[int, Guest] = {}
        self._locks: dict[int, threading.RLock] = {}
        self._lock = threading.Lock()

    def create(self, guest: GuestConfig) -> None:
        with self._held(guest.vmid):
            if guest.vmid in self._guests:
                return
            container = lxc.Container(self.path, f"{self.network.plan.bridge}-{guest.vmid}")
            disk = Disk(container.folder, self._layers(guest.image))
            made = Guest(guest, (guest.mac or _mac(guest.vmid)).lower(), disk, container)
            disk.remove()
            try:
                disk.mount()
                guest_files.write_identity(disk.root, guest)
                self._write_configuration(made)
            except BaseException:
                disk.remove()
                raise
            self._guests[guest.vmid] = made

    def configure(self, guest: GuestConfig) -> None:
        with self._held(guest.vmid):
            found = self._get(guest.vmid)
            before, found.config = found.config, guest
            found.mac = (guest.mac or found.mac).lower()
            self._write_configuration(found)
            if found.container.is_running():
                found.container.limit(guest.memory, guest.cores)
            elif before != guest:
                guest_files.write_settings(found.disk.root, guest)
            self._apply_firewall(guest.vmid, found)

    def start(self, vmid: int) -> None:
        with self._held(vmid):
            guest = self._get(vmid)
            if guest.container.init() is None:
                guest.disk.mount()
                guest.container.start()

    def stop(self, vmid: int) -> None:
        with self._held(vmid):
            self._get(vmid).container.stop()

    def shutdown(self, vmid: int, seconds: float) -> None:
        with self._held(vmid):
            self._get(vmid).container.shutdown(seconds)

    def destroy(self, vmid: int) -> None:
        with self._held(vmid):
            guest = self._guests.get(vmid)
            if guest is None:
                return
            guest.container.stop()
            self.network.forget(vmid)
            guest.disk.remove()
            del self._guests[vmid]

    def is_running(self, vmid: int) -> bool:
        guest = self._guests.get(vmid)
        return guest is not None and guest.container.is_running()

    def addresses(self, vmid: int) -> list[str]:
        guest = self._guests.get(vmid)
        return guest.container.addresses() if guest else []

    def firewall(self, vmid: int, firewall: Firewall) -> None:
        with self._held(vmid):
            guest = self._get(vmid)
            self._apply_firewall(vmid, guest, firewall)
            guest.firewall = firewall

    def snapshot(self, vmid: int, name: str) -> None:
        with self._held(vmid):
            guest = self._get(vmid)
            with _still(guest.container):
                guest.disk.snapshot(name)

    def rollback(self, vmid: int, name: str) -> None:
        with self._held(vmid):
            guest = self._get(vmid)
            guest.container.stop()
            guest.disk.rollback(name)

    def drop_snapshot(self, vmid: int, name: str) -> None:
        with self._held(vmid):
            self._get(vmid).disk.drop_snapshot(name)

    def run_inside(self, vmid: int, *words: str, seconds: float = 60) -> str:
        """Run a program in a running guest, as its root; returns what it wrote."""
        guest = self._get(vmid)
        attach = [
            "lxc-attach",
            "-P",
            str(self.path),
            "-n",
            guest.container.name,
            "--clear-env",
            "--",
        ]
        return run([*attach, *words], f"running {words[0]} in guest {vmid}", timeout=seconds)

    def vmids(self) -> list[int]:
        """The guests that are there."""
        return sorted(self._guests)

    def host_key(self, vmid: int) -> str:
        """The guest's public SSH host key, ``type base64``."""
        path = self._get(vmid).disk.root / "etc/ssh/ssh_host_ed25519_key.pub"
        return " ".join(path.read_text().split()[:2])

    def close(self) -> None:
        """Destroy all guests."""
        for vmid in self.vmids():
            self.destroy(vmid)

    def _layers(self, image: str) -> tuple[Path, ...]:
        tree = self.images.tree(image)
        if tree is not None:
            return (tree,)
        # A guest that was made a template is the image of its clones.
        template = self._guests.get(int(image)) if image.isdigit() else None
        if template is None:
            raise HypervisorError(f"the lab has no image for the template '{image}'")
        return template.disk.as_layers

    def _write_configuration(self, guest: Guest) -> None:
        plan = self.network.plan
        interface = plan.interface(guest.config.vmid)
        text = lxc.configuration(guest.config, guest.disk.root, plan.bridge, interface, guest.mac)
        (guest.container.folder / "config").write_text(text)

    def _apply_firewall(self, vmid: int, guest: Guest, firewall: Firewall | None = None) -> None:
        static = guest.config.address != "dhcp"
        address = guest.config.address.partition("/")[0] if static else ""
        port = Port(self.network.plan.interface(vmid), guest.mac, address)
        self.network.set_firewall(vmid, port, firewall or guest.firewall)

    def _get(self, vmid: int) -> Guest:
        found = self._guests.get(vmid)
        if found is None:
            raise HypervisorError(f"the lab has no guest {vmid}")
        return found

    @contextmanager
    def _held(self, vmid: int) -> Iterator[None]:
        """One change at a time to one guest; a failure of the host's is a sentence too."""
        with self._lock:
            lock = self._locks.setdefault(vmid, threading.RLock())
        with lock:
            try:
                yield
            except OSError as error:
                raise HypervisorError(f"guest {vmid}: {error}") from error


@contextmanager
def _still(container: lxc.Container) -> Iterator[None]:
    """Hold a running guest's processes while its disk is copied."""
    if not container.is_running():
        yield
        return
    container.freeze()
    try:
        yield
    finally:
        container.unfreeze()


def _mac(vmid: int) -> str:
    """A locally administered address that is the guest's own."""
    digest = hashlib.sha256(str(vmid).encode()).hexdigest()
    return "02:" + ":".join(digest[at : at + 2] for at in range(0, 10, 2))


def sweep(folder: Path) -> list[str]:
    """Remove all containers and mounts below a lab's folder; returns the containers' names."""
    path = folder.absolute() / "lxc"
    names = lxc.sweep(path)
    for place in sorted(path.glob("*/rootfs")):
        while place.is_mount():
            run(["umount", place], f"unmounting {place}")
    remove(path)
    return names
