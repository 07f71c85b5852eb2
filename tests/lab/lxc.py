"""LXC's programs, and the text of a guest's configuration."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import cgroups
from tests.lab.commands import quiet, run
from tests.lab.hypervisor import GuestConfig, HypervisorError


@dataclass
class Container:
    """One container. ``path`` is absolute: LXC finds its own process by the text of it."""

    path: Path
    name: str
    _seen: tuple[int, str] | None = field(default=None, repr=False)

    @property
    def folder(self) -> Path:
        return self.path / self.name

    def start(self) -> None:
        """Start it; returns when its init runs, and says LXC's own reason when it does not."""
        log = self.folder / "lxc.log"
        log.unlink(missing_ok=True)
        words = self._words(
            "lxc-start", "--daemon", "--logfile", str(log), "--logpriority", "ERROR"
        )
        try:
            run(words, f"starting {self.name}")
        except HypervisorError as error:
            said = log.read_text().strip()[-400:] if log.exists() else ""
            raise HypervisorError(f"{error} {said}".strip()) from None

    def stop(self) -> None:
        """End it at once."""
        if self.init() is not None:
            run(self._words("lxc-stop", "--kill"), f"stopping {self.name}")

    def shutdown(self, seconds: float) -> None:
        """Ask its init to end."""
        if self.init() is not None:
            words = self._words("lxc-stop", "--nokill", "--timeout", str(max(1, round(seconds))))
            run(words, f"shutting {self.name} down", timeout=seconds + 30)

    def freeze(self) -> None:
        """Let none of its processes go on."""
        run(self._words("lxc-freeze"), f"freezing {self.name}")

    def unfreeze(self) -> None:
        """Let them go on."""
        run(self._words("lxc-unfreeze"), f"waking {self.name}")

    def is_running(self) -> bool:
        """Whether its init lives; a frozen one does.

        Asked several times a second for each guest, so the process is looked at first, and LXC only
        when it is gone: a guest that restarts has another.
        """
        if self._seen is not None and _birth(self._seen[0]) == self._seen[1]:
            return True
        pid = self.init()
        self._seen = (pid, _birth(pid)) if pid is not None else None
        return pid is not None

    def init(self) -> int | None:
        """The process id of its init on this machine; None when it does not run."""
        try:
            words = self._words("lxc-info", "--pid", "--no-humanize")
            said = run(words, f"asking about {self.name}")
        except HypervisorError:
            # It may have been removed a moment ago, by another thread.
            if (self.folder / "config").exists():
                raise
            return None
        return int(said) if said.strip().isdigit() and int(said) > 0 else None

    def addresses(self) -> list[str]:
        """Its IPv4 addresses in CIDR form, as its own network namespace has them."""
        pid = self.init()
        if pid is None:
            return []
        words = ["nsenter", "--target", str(pid), "--net", "ip", "-json", "-4", "address", "show"]
        try:
            found = run([*words, "scope", "global"], f"reading the addresses of {self.name}")
        except HypervisorError:
            if self.init() == pid:
                raise
            return []
        return [
            f"{held['local']}/{held['prefixlen']}"
            for link in json.loads(found)
            for held in link.get("addr_info", [])
        ]

    def limit(self, memory: int, cores: int) -> None:
        """Change the limits while it runs; ``memory`` in MB."""
        for name, value in cgroups.limits(memory, cores).items():
            run(self._words("lxc-cgroup", name, value), f"limiting {self.name}")

    def _words(self, program: str, *rest: str) -> list[str]:
        return [program, "-P", str(self.path), "-n", self.name, *rest]


def _birth(pid: int) -> str:
    """When the process began, in clock ticks since the boot; "" when it has ended."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else rest[18]


def configuration(guest: GuestConfig, root: Path, bridge: str, interface: str, mac: str) -> str:
    """The container's configuration file."""
    lines = [
        "lxc.include = /usr/share/lxc/config/common.conf",
        "lxc.tty.dir =",
        "lxc.apparmor.profile = unconfined",
        "lxc.signal.halt = SIGRTMIN+4",
        f"lxc.rootfs.path = dir:{root}",
        f"lxc.uts.name = {guest.hostname}",
        "lxc.net.0.type = veth",
        f"lxc.net.0.link = {bridge}",
        f"lxc.net.0.veth.pair = {interface}",
        f"lxc.net.0.hwaddr = {mac}",
        "lxc.net.0.name = eth0",
        "lxc.net.0.flags = up",
    ]
    if guest.address != "dhcp":
        lines.append(f"lxc.net.0.ipv4.address = {guest.address}")
        if guest.gateway:
            lines.append(f"lxc.net.0.ipv4.gateway = {guest.gateway}")
    limits = cgroups.limits(guest.memory, guest.cores)
    lines += [f"{cgroups.prefix()}.{name} = {value}" for name, value in limits.items()]
    return "\n".join(lines) + "\n"


def sweep(path: Path) -> list[str]:
    """Kill every container whose configuration is below ``path``; returns their names."""
    found = sorted(folder.parent.name for folder in path.glob("*/config"))
    for name in found:
        quiet(["lxc-stop", "-P", str(path), "-n", name, "--kill"])
    return found
