"""A target of machines that exist in a table only: for what the engine decides by itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from paas.domain.errors import Unreachable
from paas.domain.specs import GuestSpec, Resources
from paas.domain.views import Difference
from paas.targets.contract import Presence, Standing, Stop


@dataclass
class PretendTarget:
    """``machines`` maps vmids to what stands there; ``is_away`` lets nothing be answered."""

    name: str = "proxmox_lxc"
    endpoint: str = "proxmox"
    url: str = "https://pve.example:8006"
    cluster: str = "cluster alpha"
    grown_from: str = ""
    vmids: range = range(100_000, 200_000)
    is_away: bool = False
    machines: dict[int, Standing] = field(default_factory=dict)
    stopped: set[int] = field(default_factory=set)
    stuck: set[int] = field(default_factory=set)
    removed: list[int] = field(default_factory=list)

    def put(self, vmid: int, marker: str, **changes: object) -> Standing:
        """Let a guest stand there."""
        made = Standing("proxmox", "pve1", vmid, f"guest-{vmid}", marker, Resources(1, 256, 5))
        self.machines[vmid] = replace(made, **changes)  # type: ignore[arg-type]
        return self.machines[vmid]

    def identity(self) -> str:
        if self.is_away:
            raise Unreachable("https://pve.example:8006 does not answer")
        return self.cluster

    def succeeds(self, known: str) -> bool:
        return known == self.grown_from

    def during(self, stop: Stop) -> "PretendTarget":
        return self

    def standing(self) -> Sequence[Standing]:
        return list(self.machines.values())

    def observe(self, guest: GuestSpec) -> Presence:
        found = self.machines.get(guest.vmid)
        if found is None:
            return Presence.ABSENT
        return Presence.OURS if found.marker == guest.marker else Presence.FOREIGN

    def node_of(self, guest: GuestSpec) -> str:
        return self.machines[guest.vmid].node if guest.vmid in self.machines else guest.node

    def differences(self, guest: GuestSpec) -> Sequence[Difference]:
        found = self.machines.get(guest.vmid)
        if found is None:
            return [Difference("presence", "present", "absent")]
        power = "stopped" if guest.vmid in self.stopped else "running"
        wanted = "running" if guest.runs else "stopped"
        pairs = [
            ("node", guest.node, found.node),
            ("memory", guest.resources.memory, found.resources.memory),
            ("power", wanted, power),
        ]
        return [Difference(name, str(a), str(b)) for name, a, b in pairs if a != b]

    def revive(self, guest: GuestSpec) -> bool:
        return False

    def remove(self, guest: GuestSpec) -> None:
        if guest.vmid in self.stuck:
            raise Unreachable(f"guest {guest.vmid} is being backed up")
        self.removed.append(guest.vmid)
        self.machines.pop(guest.vmid, None)
