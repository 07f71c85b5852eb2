"""Starting and ending guests, and their snapshots."""

import re
import time
from collections.abc import Callable

from paas.domain.errors import StepFailed, StepInterrupted
from paas.domain.specs import GuestSpec
from paas.targets.proxmox.presence import Guests
from paas.targets.proxmox.tasks import carry_out
from paas.tools.proxmox import Locked, ProxmoxError, Refused, Row, Spot

PAUSE = 0.5
# A guest that Proxmox's high availability looks after reaches its state after the task's end.
HA_SECONDS = 120.0
# What Proxmox adds to the time that a guest is given to end, before its task does.
TASK_MARGIN = 60.0
OURS = "paas-"
# What the task says where a disk's storage or format knows no snapshots.
UNABLE = "snapshot feature is not available"
ANY_NAME = re.compile(r"[^A-Za-z0-9_-]+")
LONGEST_NAME = 40


class Power:
    """Every method looks first whether the guest is ours, and raises when it is not."""

    def __init__(self, guests: Guests) -> None:
        self._guests = guests
        self._proxmox = guests.proxmox

    def start(self, guest: GuestSpec) -> Spot:
        """Let the guest run; where it stands."""
        spot = self._guests.expect(guest)
        if spot.status != "running":
            self._change(spot, guest, "start", "running", self._guests.site.task_seconds)
        return spot

    def stop(self, guest: GuestSpec) -> None:
        """Ask the guest to end, and end it when it has not in time."""
        spot = self._guests.expect(guest)
        if spot.status == "stopped":
            return
        seconds = self._guests.site.stop_seconds
        limits = {"timeout": int(seconds), "forceStop": 1}
        self._change(spot, guest, "shutdown", "stopped", seconds + TASK_MARGIN, **limits)

    def shutdown(self, guest: GuestSpec, seconds: float) -> None:
        """The same, never by force; raises ``StepFailed`` when it has not ended in time."""
        spot = self._guests.expect(guest)
        if spot.status == "stopped":
            return
        limits = {"timeout": max(1, int(seconds)), "forceStop": 0}
        try:
            self._change(spot, guest, "shutdown", "stopped", seconds + TASK_MARGIN, **limits)
        except (Locked, Refused):
            raise
        except ProxmoxError as error:
            raise StepFailed(
                f"The guest {guest.hostname} has not shut down within {seconds:.0f} s; it is left "
                "as it is. Stop it to end it by force",
                detail=error.detail,
            ) from error

    def kill(self, spot: Spot, vmid: int) -> None:
        """End a guest at once, which is about to be removed."""
        path = self._guests.path(spot, vmid, "/status/stop")
        carry_out(self._proxmox, lambda: self._proxmox.post(path), self._guests.site.task_seconds)

    def _change(
        self, spot: Spot, guest: GuestSpec, verb: str, wanted: str, seconds: float, **limits: int
    ) -> None:
        path = self._guests.path(spot, guest.vmid, f"/status/{verb}")
        try:
            carry_out(self._proxmox, lambda: self._proxmox.post(path, **limits), seconds)
        except ProxmoxError:
            # Somebody else may have done it in the meantime.
            if self._status(guest) != wanted:
                raise
        end = time.monotonic() + HA_SECONDS
        while self._status(guest) != wanted:
            if time.monotonic() > end:
                raise StepInterrupted(f"The guest {guest.hostname} is not {wanted} after its task")
            self._proxmox.pause(PAUSE)

    def _status(self, guest: GuestSpec) -> str:
        spot = self._proxmox.find(guest.vmid)
        return spot.status if spot else "absent"

    # Snapshots.

    def snapshot(self, guest: GuestSpec, name: str) -> bool:
        """Keep the guest as it is; False where its storage cannot."""
        spot = self._guests.expect(guest)
        name = snapshot_name(name)
        found = {row["name"]: row for row in self._snapshots(spot, guest)}
        if name in found and not found[name].get("snapstate"):
            return True
        if name in found:
            # A snapshot that was ended half way is of no use to anyone.
            self._drop(spot, guest, name)
        path = self._guests.path(spot, guest.vmid, "/snapshot")
        try:
            self._carry_out(lambda: self._proxmox.post(path, snapname=name, description="paas"))
        except ProxmoxError as error:
            if UNABLE not in error.message:
                raise
            return False
        return True

    def restore(self, guest: GuestSpec, name: str) -> None:
        """Bring the guest back to a snapshot, and let it run."""
        spot = self._guests.expect(guest)
        name = snapshot_name(name)
        if name not in {row["name"] for row in self._snapshots(spot, guest)}:
            raise StepFailed(f"The guest {guest.hostname} has no snapshot {name}")
        path = self._guests.path(spot, guest.vmid, f"/snapshot/{name}/rollback")
        self._carry_out(lambda: self._proxmox.post(path))
        self.start(guest)

    def prune(self, guest: GuestSpec, keep: int) -> None:
        """Remove our snapshots but the newest; those of others stay."""
        spot = self._guests.expect(guest)
        ours = [row for row in self._snapshots(spot, guest) if row["name"].startswith(OURS)]
        ours.sort(key=lambda row: float(row.get("snaptime") or 0))
        for row in ours[: max(0, len(ours) - keep)]:
            self._drop(spot, guest, row["name"])

    def _snapshots(self, spot: Spot, guest: GuestSpec) -> list[Row]:
        rows = self._proxmox.get(self._guests.path(spot, guest.vmid, "/snapshot"))
        return [row for row in rows if row["name"] != "current"]

    def _drop(self, spot: Spot, guest: GuestSpec, name: str) -> None:
        path = self._guests.path(spot, guest.vmid, f"/snapshot/{name}")
        self._carry_out(lambda: self._proxmox.delete(path))

    def _carry_out(self, begin: Callable[[], object]) -> None:
        carry_out(self._proxmox, begin, self._guests.site.task_seconds)


def snapshot_name(name: str) -> str:
    """A name that Proxmox takes, and that shows that the snapshot is ours."""
    clean = ANY_NAME.sub("-", name.removeprefix(OURS))
    return f"{OURS}{clean}"[:LONGEST_NAME]
