"""Faults on demand, at the door, in the tasks and in the cluster. ``clear()`` ends them all."""

from typing import TYPE_CHECKING, Any

from tests.lab.pve_rules import DoorFaults, TaskFaults, on_loop

if TYPE_CHECKING:
    from tests.lab.pve import LabPve

# Who holds a lock file that ``hold_lock`` took.
HOLDER = "scenario"


class Faults(DoorFaults, TaskFaults):
    """What goes wrong. Every method may be called from any thread."""

    def __init__(self, pve: "LabPve") -> None:
        DoorFaults.__init__(self, pve)
        TaskFaults.__init__(self, pve)
        self._silent: set[int] = set()
        self._locked: set[int] = set()
        self._held_guests: set[int] = set()
        self._roles: dict[str, frozenset[str]] = {}
        self._revoked: dict[str, str] = {}
        self._spaces: dict[str, int | None] = {}

    # In the cluster.

    @on_loop
    def offline(self, node: str) -> None:
        """A node is gone: 595 for its paths, its guests' state unknown."""
        self._pve.set_node_offline(node)

    @on_loop
    def online(self, node: str) -> None:
        self._pve.set_node_offline(node, offline=False)

    @on_loop
    def no_quorum(self) -> None:
        """Reads work, nothing else."""
        self._pve.lose_quorum()

    @on_loop
    def quorum(self) -> None:
        self._pve.regain_quorum()

    @on_loop
    def storage_full(self, storage: str) -> None:
        store = self._pve.storages[storage]
        self._spaces.setdefault(storage, store.get("avail"))
        store["avail"] = 0

    def unreachable(self) -> None:
        """Nobody listens any more; tasks and guests go on."""
        self._pve.listen(False)

    def reachable(self) -> None:
        self._pve.listen(True)

    @on_loop
    def revoke(self, token: str) -> None:
        """``user!name``, with or without the secret: 401 from now on."""
        name = token.partition("=")[0]
        self._revoked[name] = self._pve.apitokens.pop(name)

    @on_loop
    def deny(self, privilege: str) -> None:
        """No role has this privilege any more."""
        self._roles = self._roles or dict(self._pve.roles)
        for name, privileges in self._pve.roles.items():
            self._pve.roles[name] = privileges - {privilege}

    # Behind the platform's back.

    @on_loop
    def move(self, vmid: int, node: str) -> None:
        """Another node has the guest now."""
        self._pve.guest(vmid).node = node

    @on_loop
    def occupy(self, vmid: int, kind: str = "lxc", node: str = "") -> None:
        """A stranger takes the vmid."""
        self._pve.add_foreign(vmid, kind, f"stranger-{vmid}", node)

    def remove_behind(self, vmid: int) -> None:
        """Somebody destroyed the guest."""
        self._pve.run(self._pve.forget(self._pve.guest(vmid)))

    def change_behind(self, vmid: int, **config: Any) -> None:
        """Somebody changed the guest's configuration."""
        guest = self._pve.guest(vmid)
        guest.config.update(config)
        self._pve.run(self._pve.match(guest))

    def stop_behind(self, vmid: int) -> None:
        """Somebody stopped the guest."""
        self._pve.mark_stopped(self._pve.guest(vmid))
        self._pve.run(self._pve.match(self._pve.guest(vmid)))

    @on_loop
    def lock(self, vmid: int, kind: str = "backup") -> None:
        """Leave a lock without a task."""
        self._pve.snapshot_lock(vmid, kind)
        self._locked.add(vmid)

    @on_loop
    def hold_lock(self, vmid: int) -> None:
        """Somebody holds the configuration's lock file: others wait for it and give up."""
        self._pve.guest(vmid).lock_holder = HOLDER
        self._held_guests.add(vmid)

    @on_loop
    def agent_silent(self, vmid: int) -> None:
        self._silent.add(vmid)

    def silent(self, vmid: int) -> bool:
        return vmid in self._silent

    def clear(self) -> None:
        """End every fault; what was moved, removed or changed stays so."""
        self._clear()
        self.reachable()

    @on_loop
    def _clear(self) -> None:
        self._rules.clear()
        self._dice = None
        self._let_go()
        self._task_rules.clear()
        self._silent.clear()
        for node in self._pve.nodes:
            self._pve.set_node_offline(node, offline=False)
        self._pve.regain_quorum()
        self._pve.apitokens.update(self._revoked)
        self._revoked.clear()
        self._restore_spaces()
        self._pve.roles.update(self._roles)
        self._roles.clear()
        self._unlock()

    def _unlock(self) -> None:
        for vmid in self._held_guests:
            if (guest := self._pve.guest(vmid)) is not None:
                self._pve.release(guest, HOLDER)
        self._held_guests.clear()
        for vmid in self._locked:
            if self._pve.guest(vmid) is not None:
                self._pve.unlock(vmid)
        self._locked.clear()

    def _restore_spaces(self) -> None:
        for storage, avail in self._spaces.items():
            if avail is None:
                self._pve.storages[storage].pop("avail", None)
            else:
                self._pve.storages[storage]["avail"] = avail
        self._spaces.clear()
