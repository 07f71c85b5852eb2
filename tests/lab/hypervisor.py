"""What stands behind the fake API: real guests, or only the memory of some."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol


@dataclass(frozen=True)
class GuestConfig:
    """A guest as the API's configuration has it. Memory in MB, disk in GB.

    ``kind`` is ``lxc`` or ``qemu``. ``address`` is in CIDR form, or ``dhcp``. ``image`` is the
    volume id of the container template, or the vmid of the cloned template as text.
    """

    vmid: int
    kind: str
    hostname: str
    image: str
    cores: int = 1
    memory: int = 512
    disk: int = 4
    mac: str = ""
    bridge: str = "vmbr0"
    address: str = "dhcp"
    gateway: str = ""
    dns: tuple[str, ...] = ()
    ssh_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """One firewall rule of a guest, as Proxmox words it: ``direction`` in or out."""

    direction: str
    action: str
    protocol: str = ""
    source: str = ""
    destination: str = ""
    port: str = ""


@dataclass(frozen=True)
class Firewall:
    """A guest's firewall: what holds where no rule does, its filters, its rules in order."""

    enabled: bool = False
    policy_in: str = "ACCEPT"
    policy_out: str = "ACCEPT"
    mac_filter: bool = False
    ip_filter: bool = False
    rules: Sequence[Rule] = ()


class HypervisorError(Exception):
    """A sentence that a task ends with."""


class Hypervisor(Protocol):
    """Makes guests be what the API says they are. Blocking; called from a thread of its own.

    Every method is idempotent and raises ``HypervisorError`` only.
    """

    def create(self, guest: GuestConfig) -> None:
        """Make the guest's disk and configuration; it does not run yet."""

    def configure(self, guest: GuestConfig) -> None:
        """Bring an existing guest's resources to its configuration (memory and cores live)."""

    def start(self, vmid: int) -> None:
        """Let it run."""

    def stop(self, vmid: int) -> None:
        """End it at once."""

    def shutdown(self, vmid: int, seconds: float) -> None:
        """Ask it to end; raises when it has not after ``seconds``."""

    def destroy(self, vmid: int) -> None:
        """Remove it with its disk and snapshots."""

    def is_running(self, vmid: int) -> bool:
        """Whether it runs now: it may have ended itself."""

    def addresses(self, vmid: int) -> list[str]:
        """Its IPv4 addresses in CIDR form, loopback left out; empty when it does not run."""

    def firewall(self, vmid: int, firewall: Firewall) -> None:
        """Apply the firewall; called again at every change."""

    def snapshot(self, vmid: int, name: str) -> None:
        """Keep the disk as it is now."""

    def rollback(self, vmid: int, name: str) -> None:
        """Bring the disk back; the guest is stopped."""

    def drop_snapshot(self, vmid: int, name: str) -> None:
        """Forget one."""


@dataclass
class NoGuests:
    """Remembers what would be there, for tests of the API alone."""

    guests: dict[int, GuestConfig] = field(default_factory=dict)
    running: set[int] = field(default_factory=set)
    firewalls: dict[int, Firewall] = field(default_factory=dict)
    snapshots: dict[int, list[str]] = field(default_factory=dict)

    def create(self, guest: GuestConfig) -> None:
        self.guests[guest.vmid] = guest

    def configure(self, guest: GuestConfig) -> None:
        self.guests[guest.vmid] = replace(guest)

    def start(self, vmid: int) -> None:
        self.running.add(vmid)

    def stop(self, vmid: int) -> None:
        self.running.discard(vmid)

    def shutdown(self, vmid: int, seconds: float) -> None:
        self.running.discard(vmid)

    def destroy(self, vmid: int) -> None:
        self.guests.pop(vmid, None)
        self.running.discard(vmid)
        self.firewalls.pop(vmid, None)
        self.snapshots.pop(vmid, None)

    def is_running(self, vmid: int) -> bool:
        return vmid in self.running

    def addresses(self, vmid: int) -> list[str]:
        found = self.guests.get(vmid)
        return [found.address] if found and vmid in self.running and "/" in found.address else []

    def firewall(self, vmid: int, firewall: Firewall) -> None:
        self.firewalls[vmid] = firewall

    def snapshot(self, vmid: int, name: str) -> None:
        self.snapshots.setdefault(vmid, []).append(name)

    def rollback(self, vmid: int, name: str) -> None:
        self.running.discard(vmid)

    def drop_snapshot(self, vmid: int, name: str) -> None:
        if name in self.snapshots.get(vmid, []):
            self.snapshots[vmid].remove(name)
