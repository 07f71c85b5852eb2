"""Proxmox through its API: calls, tasks, and who stands where."""

import time
from typing import Any, NamedTuple, cast

from paas.domain.errors import StepInterrupted
from paas.tools.proxmox_access import Access, provider_environment
from paas.tools.proxmox_calls import Calls
from paas.tools.proxmox_errors import (
    Aborted,
    Locked,
    Missing,
    ProxmoxError,
    Refused,
    Taken,
    Unreachable,
    from_task,
)
from paas.tools.proxmox_words import sentence, task_words

__all__ = [
    "Aborted",
    "Access",
    "Locked",
    "Missing",
    "Proxmox",
    "ProxmoxError",
    "Refused",
    "Row",
    "Spot",
    "Taken",
    "Unreachable",
    "provider_environment",
]

Row = dict[str, Any]
FIRST_POLL, LAST_POLL = 0.05, 1.0
LOG_LINES = 500


class Spot(NamedTuple):
    """Where a guest stands: its node, its kind (``lxc`` or ``qemu``), running or stopped."""

    node: str
    kind: str
    status: str


class Proxmox(Calls):
    """One cluster or stand-alone host, under one token.

    ``Unreachable`` means that nothing is known, also not whether the call was carried out.
    """

    def nodes(self) -> list[Row]:
        """The nodes with ``node``, ``status`` (online, offline), and ``cpu``, ``maxcpu``,
        ``mem``, ``maxmem`` (bytes) where they are online."""
        return cast(list[Row], self.get("/nodes"))

    def resources(self) -> list[Row]:
        """All guests that the token may see, templates included: ``vmid``, ``node``, ``type``
        (lxc, qemu), ``name``, ``status``, ``tags``, ``pool``, ``lock``, ``template``.

        The status lags some ten seconds behind, and a guest that was just made has the status
        unknown and no name as long; ``find`` tells the status of now.
        """
        return cast(list[Row], self.get("/cluster/resources", type="vm"))

    def find(self, vmid: int) -> Spot | None:
        """Where the guest is; None only when the whole cluster has no guest of that number.

        Raises ``Unreachable`` when that cannot be told now (its node or the quorum is away), and
        ``Refused`` when there is one that the token may not see.
        """
        # A guest may move between two questions, so a trail that ends is taken up once more.
        for _ in range(2):
            spot = self._listed(vmid)
            if spot:
                return spot
            if self._is_free(vmid):
                self._expect_quorum()
                return None
        if spot := self._searched(vmid):
            return spot
        message = f"There is a guest {vmid}, and the API token may not see it."
        raise Refused(message, path=f"/vms/{vmid}", privilege="VM.Audit")

    def _listed(self, vmid: int) -> Spot | None:
        for row in self.resources():
            if row["vmid"] == vmid:
                return self._confirmed(vmid, Spot(row["node"], row["type"], "unknown"))
        return None

    def _confirmed(self, vmid: int, spot: Spot) -> Spot | None:
        """The same with what its node says of it now: the list shows what was."""
        path = f"/nodes/{spot.node}/{spot.kind}/{vmid}/status/current"
        try:
            return spot._replace(status=self.get(path)["status"])
        except Missing:
            return None

    def _is_free(self, vmid: int) -> bool:
        try:
            self.get("/cluster/nextid", vmid=vmid)
        except Taken:
            return False
        return True

    def _searched(self, vmid: int) -> Spot | None:
        for node in self.nodes():
            for kind in ("lxc", "qemu"):
                try:
                    found = self._confirmed(vmid, Spot(node["node"], kind, "unknown"))
                except Refused:
                    continue
                if found:
                    return found
        return None

    def _expect_quorum(self) -> None:
        """A node without quorum answers from what it knew before; a single host has no cluster."""
        rows = self.get("/cluster/status")
        if any(row["type"] == "cluster" and not row.get("quorate", 1) for row in rows):
            raise Unreachable(
                f"The node at {self.access.endpoint} has lost the cluster's quorum, so it cannot "
                "tell which guests there are."
            )

    # Tasks.

    def wait_task(self, upid: str, deadline: float) -> None:
        """Return when the task has ended well; ``deadline`` is in seconds from now.

        Raises what its end means, with the line of its log that tells why. A Proxmox that does
        not answer meanwhile is asked again until the deadline; then ``Unreachable``, or
        ``StepInterrupted`` for a task that goes on.
        """
        end, pause = time.monotonic() + deadline, FIRST_POLL
        while True:
            away: Unreachable | None = None
            try:
                ended = self._ended(upid)
            except Unreachable as error:
                away = error
            else:
                if ended is not None:
                    return _judge(upid, *ended)
            if time.monotonic() + pause > end:
                late = f"{sentence(task_words(upid))} has not ended after {deadline:.0f} s."
                raise away or StepInterrupted(late, detail=upid)
            self.pause(pause)
            pause = min(pause * 1.5, LAST_POLL)

    def _ended(self, upid: str) -> tuple[str, list[str]] | None:
        """The exit status, and the log of a task that failed; None while it runs."""
        status = self.get(_task(upid, "status"))
        if status["status"] == "running":
            return None
        exit_status = str(status.get("exitstatus", ""))
        return exit_status, [] if _is_fine(exit_status) else self.task_log(upid)

    def task_log(self, upid: str) -> list[str]:
        """The task's output, the last lines of it."""
        rows = self.get(_task(upid, "log"), limit=LOG_LINES)
        return [str(row.get("t", "")) for row in rows]

    def active_tasks(self, vmid: int | None = None, *, template: int | None = None) -> list[Row]:
        """The running tasks of our token: ``upid``, ``type``, ``id``, ``node``, ``starttime``.

        With ``vmid`` only those of that guest; a clone is booked under its template's number, so
        with ``template`` the clones of that one count too. Nodes that are offline are left out:
        nothing of theirs can change the cluster.
        """
        found = []
        for node in self.nodes():
            if node.get("status") != "online":
                continue
            rows = self.get(f"/nodes/{node['node']}/tasks", source="active", limit=LOG_LINES)
            found += [row for row in rows if self._is_ours(row)]
        if vmid is None:
            return found
        return [
            row
            for row in found
            if row["id"] == str(vmid) or (row["type"], row["id"]) == ("qmclone", str(template))
        ]

    def _is_ours(self, row: Row) -> bool:
        owner = str(row.get("user", ""))
        token = str(row.get("tokenid", ""))
        mine = self.access.token_id
        running = not row.get("endtime") and row.get("status") in (None, "", "running", "RUNNING")
        return running and (owner == mine or f"{owner}!{token}" == mine)

    def abort_task(self, upid: str) -> None:
        """Ask Proxmox to end the task; it cleans up after itself. Ended already is fine."""
        try:
            self.delete(_task(upid, ""))
        except Missing:
            return


def _is_fine(exit_status: str) -> bool:
    return exit_status == "OK" or exit_status.startswith("WARNINGS")


def _judge(upid: str, exit_status: str, lines: list[str]) -> None:
    """Raise what a failed task's end means."""
    if not _is_fine(exit_status):
        raise from_task(upid, exit_status, lines)


def _task(upid: str, what: str) -> str:
    return f"/nodes/{upid.split(':')[1]}/tasks/{upid}/{what}".rstrip("/")
