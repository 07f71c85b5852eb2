"""Whose guest stands at a vmid: by its marker, or by the proof that only we can have made it."""

import re
import time
from collections.abc import Iterator

from paas.domain.errors import ForeignGuest, StepFailed, StepInterrupted
from paas.domain.specs import GuestSpec
from paas.targets.contract import Presence
from paas.targets.proxmox import marker
from paas.targets.proxmox.site import Site
from paas.targets.proxmox.tasks import begun, owner
from paas.tools.proxmox import Aborted, Missing, Proxmox, ProxmoxError, Row, Spot
from paas.tools.proxmox_words import task_words

HALF_MADE = frozenset({"create", "clone"})
MAKING = frozenset({"vzcreate", "vzrestore", "vzclone", "qmcreate", "qmrestore", "qmclone"})
REMOVING = frozenset({"vzdestroy", "qmdestroy"})
# Seconds that a node's clock and ours may differ: a task's start is told by the node's.
CLOCKS = 60.0
TASKS = 1000
PAUSE = 0.5
NAMED = re.compile(r"\b(?:vm|subvol|base|basevol|ID|VM|CT)[- ](\d{3,9})\b")


class Guests:
    """The guests of one kind (``lxc`` or ``qemu``), as Proxmox shows them."""

    def __init__(self, proxmox: Proxmox, site: Site, kind: str) -> None:
        self.proxmox = proxmox
        self.site = site
        self.kind = kind

    def path(self, spot: Spot, vmid: int, what: str = "") -> str:
        """The path of a guest in the API."""
        return f"/nodes/{spot.node}/{spot.kind}/{vmid}{what}"

    def config(self, spot: Spot, vmid: int) -> Row | None:
        """The guest's configuration; None when it is gone by now."""
        try:
            return dict(self.proxmox.get(self.path(spot, vmid, "/config")))
        except Missing as error:
            if error.what != "guest":
                raise
            return None

    def observe(self, guest: GuestSpec) -> Presence:
        """Whose guest it is; waits for tasks of ours that are still making or removing it."""
        return self.look(guest)[0]

    def look(self, guest: GuestSpec) -> tuple[Presence, Spot | None]:
        """The same, with where it stands."""
        end = time.monotonic() + self.site.task_seconds
        while True:
            spot = self.proxmox.find(guest.vmid)
            config = self.config(spot, guest.vmid) if spot else None
            busy = self._half_done(guest, config, found=spot is not None)
            if not busy and spot is None:
                return Presence.ABSENT, None
            if not busy and spot and config is not None:
                ours = self._is_ours(guest, spot, config)
                return (Presence.OURS if ours else Presence.FOREIGN), spot
            self._wait(busy, guest, end)

    def under_way(self, guest: GuestSpec) -> list[str]:
        """The tasks of our token that are at work on the guest now, or may be making it."""
        template = guest.frozen.get("template")
        number = template if isinstance(template, int) else None
        found = self.proxmox.active_tasks(guest.vmid, template=number)
        ours = [task for task in found if task["id"] == str(guest.vmid) or self._made(guest, task)]
        return [task_words(str(task["upid"])) for task in ours]

    def expect(self, guest: GuestSpec) -> Spot:
        """Where our guest stands; raises when it is not there, or is not ours."""
        presence, spot = self.look(guest)
        if presence is Presence.FOREIGN:
            raise ForeignGuest(f"Guest {guest.vmid} is not this installation's; it is left alone.")
        if spot is None:
            raise StepFailed(
                f"The guest {guest.vmid} ({guest.hostname}) is not there any more. Deploy the app "
                "again to make a new one"
            )
        return spot

    def _half_done(self, guest: GuestSpec, config: Row | None, *, found: bool) -> list[Row]:
        """Our tasks that must end before anything can be said."""
        if found and (config is None or config.get("lock") not in HALF_MADE):
            return []
        template = guest.frozen.get("template") if found else None
        return self.proxmox.active_tasks(
            guest.vmid, template=template if isinstance(template, int) else None
        )

    def _wait(self, busy: list[Row], guest: GuestSpec, end: float) -> None:
        """How the tasks end is not asked here: what they left is looked at next."""
        left = end - time.monotonic()
        if left <= 0:
            raise StepInterrupted(f"Proxmox is still busy with guest {guest.vmid}")
        for task in busy:
            try:
                self.proxmox.wait_task(task["upid"], left)
            except (ProxmoxError, Aborted):
                continue
        if not busy:
            self.proxmox.pause(PAUSE)

    def _is_ours(self, guest: GuestSpec, spot: Spot, config: Row) -> bool:
        found = marker.read(str(config.get("description", "")))
        if found:
            return found == guest.marker
        return self._is_proved(guest, spot, config)

    def _is_proved(self, guest: GuestSpec, spot: Spot, config: Row) -> bool:
        """Whether only we can have made it: it has the name and the card that only this guest
        was given, or the last one to make this vmid, since it was seen absent, was our token."""
        name = config.get("name", config.get("hostname"))
        if guest.preflight is None or spot.kind != self.kind:
            return False
        if name is not None and name != guest.hostname:
            return False
        if name is not None and marker.mac(guest.marker) in str(config.get("net0", "")).upper():
            # Somebody edited its notes, and the line with the marker is lost.
            return True
        last = self.maker(guest, spot.node)
        return last is not None and owner(last) == self.proxmox.access.token_id

    def maker(self, guest: GuestSpec, node: str) -> Row | None:
        """The task that made what may stand at the vmid now, since it was seen absent."""
        last: Row | None = None
        for task in self._tasks(guest, node):
            if task["type"] in MAKING and self._made(guest, task):
                last = task
            elif task["type"] in REMOVING and str(task.get("status")) == "OK":
                last = None
        return last

    def _tasks(self, guest: GuestSpec, node: str) -> Iterator[Row]:
        """The tasks on this guest and on its template since the preflight, oldest first."""
        since = int((guest.preflight or 0.0) - CLOCKS)
        template = guest.frozen.get("template")
        numbers = {str(guest.vmid), str(template)}
        nodes = {node, guest.node, str(guest.frozen.get("template_node", guest.node))}
        rows: list[Row] = []
        for one in sorted(nodes):
            rows += self.proxmox.get(f"/nodes/{one}/tasks", source="all", since=since, limit=TASKS)
        known = {row["upid"]: row for row in rows}
        for row in sorted(known.values(), key=begun):
            if str(row.get("id")) in numbers and float(row["starttime"]) >= since:
                yield row

    def _made(self, guest: GuestSpec, task: Row) -> bool:
        """Whether a task made this vmid; a clone is booked under its template's number."""
        if str(task.get("id")) == str(guest.vmid):
            return task["type"] not in ("qmclone", "vzclone")
        if task["type"] != "qmclone":
            return False
        named = self.named(task) - {guest.frozen.get("template")}
        return not named or guest.vmid in named

    def named(self, task: Row) -> set[int]:
        """The vmids that a task's log speaks of, by names of disks and in words."""
        try:
            text = "\n".join(self.proxmox.task_log(str(task["upid"])))
        except Missing:
            # Logs are kept for a while only, and not for ever.
            return set()
        return {int(number) for number in NAMED.findall(text)}
