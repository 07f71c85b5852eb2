"""Removing a guest of ours with everything that is left of it, whatever state it is in."""

from paas.domain.errors import ForeignGuest, StepInterrupted, Unreachable
from paas.domain.specs import GuestSpec
from paas.targets.contract import Presence
from paas.targets.proxmox import marker
from paas.targets.proxmox.power import Power
from paas.targets.proxmox.presence import HALF_MADE, MAKING, Guests
from paas.targets.proxmox.tasks import carry_out, owner
from paas.targets.proxmox.unlocking import hand_over, pooling, unlocking
from paas.tools.proxmox import Aborted, Locked, Missing, ProxmoxError, Refused, Row, Spot

ROUNDS = 5
BACKUP = "vzdump"
# What Proxmox says of a task whose process was killed, or whose node went down.
KILLED = "unexpected status"


class Removal:
    """Compares before it touches anything; on return the guest and its volumes are gone."""

    def __init__(self, guests: Guests, power: Power) -> None:
        self._guests = guests
        self._power = power
        self._proxmox = guests.proxmox
        self._site = guests.site

    def remove(self, guest: GuestSpec) -> None:
        """Remove it; raises ``ForeignGuest`` rather than touch another's."""
        self._end_making(guest)
        swept = False
        for _ in range(ROUNDS):
            presence, spot = self._guests.look(guest)
            if presence is Presence.FOREIGN:
                raise ForeignGuest(f"Guest {guest.vmid} is not this installation's; it stays.")
            if spot:
                try:
                    self._remove_once(guest, spot)
                except Locked as error:
                    # Whose the lock is, is looked at next.
                    if not error.lock:
                        raise
            elif swept or not self._sweep(guest):
                return
            swept = swept or spot is None
        raise StepInterrupted(f"The guest {guest.vmid} is still there after it was removed")

    def _end_making(self, guest: GuestSpec) -> None:
        """Proxmox itself cleans up after a task that is asked to end."""
        if guest.preflight is None:
            return
        template = guest.frozen.get("template")
        for task in self._proxmox.active_tasks(guest.vmid):
            if task["type"] in MAKING:
                self._abort(task)
        if not isinstance(template, int):
            return
        for task in self._proxmox.active_tasks(template):
            # A clone is booked under its template's number, so only its log says whose it is.
            if task["type"] == "qmclone" and guest.vmid in self._guests.named(task):
                self._abort(task)

    def _abort(self, task: Row) -> None:
        self._proxmox.abort_task(task["upid"])
        self._see_through(task)

    def _see_through(self, task: Row) -> None:
        """Wait for a task's end; what it left is looked at next, however it ended."""
        try:
            self._proxmox.wait_task(task["upid"], self._site.task_seconds)
        except (ProxmoxError, Aborted):
            return

    def _remove_once(self, guest: GuestSpec, spot: Spot) -> None:
        config = self._guests.config(spot, guest.vmid)
        if config is None:
            return
        if lock := str(config.get("lock", "")):
            self._free(guest, spot, lock)
            return
        if spot.status != "stopped":
            self._end(guest, spot)
        path = self._guests.path(spot, guest.vmid)
        force = {"force": 1} if spot.kind == "lxc" else {}
        options = {"purge": 1, "destroy-unreferenced-disks": 1, **force}
        try:
            carry_out(
                self._proxmox,
                lambda: self._proxmox.delete(path, **options),
                self._site.task_seconds,
            )
        except Missing as error:
            if error.what != "guest":
                raise
        except Refused:
            if self._is_pooled(guest):
                raise
            commands = [pooling(self._site, guest.vmid)]
            hand_over(
                self._proxmox, self._site, spot, guest.vmid, commands, left="outside of the pool"
            )

    def _end(self, guest: GuestSpec, spot: Spot) -> None:
        try:
            self._power.kill(spot, guest.vmid)
        except Locked:
            raise
        except ProxmoxError:
            # It may have ended by itself; what stands in the way of removing it is said then.
            found = self._proxmox.find(guest.vmid)
            if found and found.status == "running":
                raise

    def _free(self, guest: GuestSpec, spot: Spot, lock: str) -> None:
        """Wait for who holds the guest, or free it when nobody does any more."""
        for task in self._running(spot):
            if str(task.get("id")) == str(guest.vmid):
                if owner(task) == self._proxmox.access.token_id:
                    self._see_through(task)
                    return
                raise Unreachable(
                    f"The guest {guest.vmid} is locked ({lock}) by a task of {owner(task)} on node "
                    f"{spot.node}, and cannot be removed before that has ended"
                )
            # A backup of several guests is booked under none of their numbers.
            if lock not in HALF_MADE and task["type"] == BACKUP and not task.get("id"):
                raise Unreachable(
                    f"The guest {guest.vmid} is locked ({lock}) while a backup of several guests "
                    f"by {owner(task)} runs on node {spot.node}, and cannot be removed before "
                    "that has ended"
                )
        commands = [unlocking(spot, guest.vmid)]
        if not self._is_pooled(guest):
            commands.append(pooling(self._site, guest.vmid))
        left = "half made" if lock in HALF_MADE else f"locked ({lock})"
        hand_over(self._proxmox, self._site, spot, guest.vmid, commands, left=left)

    def _is_pooled(self, guest: GuestSpec) -> bool:
        rows = self._proxmox.resources()
        return any(row["vmid"] == guest.vmid and row.get("pool") for row in rows)

    def _running(self, spot: Spot) -> list[Row]:
        rows = self._proxmox.get(f"/nodes/{spot.node}/tasks", source="active", limit=500)
        return [row for row in rows if not row.get("endtime")]

    def _sweep(self, guest: GuestSpec) -> bool:
        """Make a guest where one was begun and is gone, so that removing it takes the disks too.

        Disks without a guest are neither shown to the token nor its to remove; destroying a guest
        of the same number removes them. True when there was a reason.
        """
        if guest.preflight is None:
            # Nothing can have been made, so what bears this number is another's.
            return False
        task = self._guests.maker(guest, guest.node)
        # A create that failed or was aborted has cleaned up; only a killed one has not.
        ended = str(task.get("status") or "") if task else ""
        if task is None or ended != KILLED or owner(task) != self._proxmox.access.token_id:
            return False
        path = f"/nodes/{guest.node}/{self._guests.kind}"
        given = self._shell(guest)
        carry_out(self._proxmox, lambda: self._proxmox.post(path, **given), self._site.task_seconds)
        return True

    def _shell(self, guest: GuestSpec) -> dict[str, object]:
        common = {
            "vmid": guest.vmid,
            "pool": str(guest.frozen.get("pool", self._site.pool)),
            "description": marker.description(guest),
        }
        if self._guests.kind == "qemu":
            return {**common, "name": guest.hostname}
        return {
            **common,
            "hostname": guest.hostname,
            "ostemplate": guest.frozen["template"],
            "rootfs": f"{guest.frozen['storage']}:{guest.resources.disk}",
            "unprivileged": 1,
        }
