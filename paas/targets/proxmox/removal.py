"""Removing a guest of ours with everything that is left of it, whatever state it is in."""

from paas.domain.errors import ForeignGuest, StepInterrupted, Unreachable
from paas.domain.specs import GuestSpec
from paas.targets.contract import Presence
from paas.targets.proxmox.power import Power
from paas.targets.proxmox.presence import CLOCKS, MAKING, Guests
from paas.targets.proxmox.tasks import carry_out, owner
from paas.targets.proxmox.unlocking import unlock
from paas.tools.proxmox import Aborted, Locked, Missing, ProxmoxError, Refused, Row, Spot

ROUNDS = 5


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
        for _ in range(ROUNDS):
            presence, spot = self._guests.look(guest)
            if presence is Presence.FOREIGN:
                raise ForeignGuest(f"Guest {guest.vmid} is not this installation's; it stays.")
            if spot is None:
                self._free_volumes(guest)
                return
            self._remove_once(guest, spot)
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
            if str(task.get("id")) != str(guest.vmid):
                continue
            if owner(task) == self._proxmox.access.token_id:
                self._see_through(task)
                return
            raise Unreachable(
                f"The guest {guest.vmid} is locked ({lock}) by a task of {owner(task)} on node "
                f"{spot.node}, and cannot be removed before that has ended"
            )
        unlock(self._proxmox, self._site, spot, guest.vmid)

    def _running(self, spot: Spot) -> list[Row]:
        rows = self._proxmox.get(f"/nodes/{spot.node}/tasks", source="active", limit=500)
        return [row for row in rows if not row.get("endtime")]

    def _free_volumes(self, guest: GuestSpec) -> None:
        """Remove what a create that was killed has left on the storage."""
        if guest.preflight is None:
            # Nothing can have been made, so what bears this number is another's.
            return
        storage = str(guest.frozen.get("storage", self._site.storage))
        node = str(guest.frozen.get("template_node") or guest.node)
        for at in dict.fromkeys([guest.node, node]):
            path = f"/nodes/{at}/storage/{storage}/content"
            try:
                rows = self._proxmox.get(path, vmid=guest.vmid)
            except Missing:
                continue
            for row in rows:
                if self._is_left(guest, row):
                    self._free_volume(f"{path}/{row['volid']}", row, at)

    def _is_left(self, guest: GuestSpec, row: Row) -> bool:
        made = row.get("ctime")
        is_new = not made or float(made) >= (guest.preflight or 0.0) - CLOCKS
        kept = row.get("content") in ("backup", "iso", "vztmpl", "snippets")
        return str(row.get("vmid")) == str(guest.vmid) and is_new and not kept

    def _free_volume(self, path: str, row: Row, node: str) -> None:
        try:
            carry_out(self._proxmox, lambda: self._proxmox.delete(path), self._site.task_seconds)
        except Missing:
            return
        except Refused as error:
            raise StepInterrupted(
                f"The disk {row['volid']} of a guest that was never finished is left, and the "
                f"token may not remove it: run `pvesm free {row['volid']}` on node {node}; the "
                "platform goes on by itself then",
                detail=error.detail,
            ) from error
