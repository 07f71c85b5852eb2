"""A platform with real Terraform before a fake cluster, and what must hold when it is done."""

import json
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from paas.domain.specs import DeploySpec, GuestSpec
from paas.domain.states import GuestState, GuestType
from paas.domain.views import AppView, OperationView
from paas.engine.platform import Platform
from paas.services import deployments, logs
from paas.store import guests, operations
from paas.store.models import App, Guest, Lock, Operation
from paas.targets.proxmox.target import ProxmoxTarget
from tests.engine import live
from tests.factories import ACTOR, deploy_spec
from tests.lab.faults.inside import PretendInside
from tests.lab.pve import LabPve
from tests.tools.proxmox import SITE

# Guests of others: one far off, one in the platform's own range, one in its pool.
STRANGERS = {300: "lxc", 301: "qemu", 100_050: "lxc"}
POOLED = 301
MOST_ROUNDS = 12
UNLOCK = re.compile(r"(?:pct|qm) unlock (\d+)")
POOL = re.compile(r"pvesh set /pools/(\S+) --vms (\d+)")


@dataclass
class World:
    """One installation and its cluster. ``neighbours`` are addresses that somebody answers at."""

    pve: LabPve
    platform: Platform
    inside: PretendInside
    neighbours: set[str]
    strangers: dict[int, str] = field(default_factory=dict)
    roles: dict[str, frozenset[str]] = field(default_factory=dict)

    # Doing.

    def begin(self, kind: str = "lxc", **changes: object) -> OperationView:
        """Accept a deployment; nothing runs yet."""
        spec: DeploySpec = deploy_spec(guest_type=GuestType(kind), **changes)
        return deployments.create(self.platform, ACTOR, spec)

    def deploy(self, kind: str = "lxc", **changes: object) -> AppView:
        """One go at a deployment, however far it comes."""
        return self.go(self.begin(kind, **changes))

    def go(self, operation: OperationView) -> AppView:
        """One attempt at an operation, without the pause before it."""
        live.run_due(self.platform, operation)
        return self.app(operation.app_id)

    def redeploy(self, app: AppView) -> AppView:
        return self.go(deployments.redeploy(self.platform, ACTOR, app.id))

    def delete(self, app: AppView) -> AppView:
        """One go at removing an app."""
        operation = deployments.delete(self.platform, ACTOR, app.id)
        return self.go(operation) if operation else self.app(app.id)

    def settle(self, app: AppView) -> AppView:
        """Go on with what waits until nothing does."""
        for _ in range(MOST_ROUNDS):
            waiting = self.active(app)
            if waiting is None:
                return self.app(app.id)
            self.go(waiting)
        raise AssertionError(f"{app.id} still waits: {self.app(app.id).error_message}")

    # Looking.

    def app(self, app_id: str) -> AppView:
        return deployments.get(self.platform, ACTOR, app_id)

    def active(self, app: AppView) -> OperationView | None:
        """The operation that the app waits for."""
        with self.platform.store.read() as session:
            row = session.scalars(select(App).where(App.uuid == app.id)).one()
            found = operations.active_of(session, row.id)
            uuid = found.uuid if found else None
        return deployments.operation(self.platform, ACTOR, uuid) if uuid else None

    def guest(self, app: AppView) -> GuestSpec:
        """The app's guest as its row has it."""
        with self.platform.store.read() as session:
            row = session.scalars(select(App).where(App.uuid == app.id)).one()
            guest = guests.of_slot(session, row.id, 1)
            assert guest is not None, f"{app.id} has no guest"
            return guests.spec(session, guest, self.platform.installation)

    def standing(self) -> set[int]:
        """The vmids of guests that are on the books."""
        with self.platform.store.read() as session:
            rows = session.scalars(select(Guest).where(Guest.state != GuestState.GONE))
            return {row.vmid for row in rows}

    def target(self, kind: str = "lxc") -> ProxmoxTarget:
        found = self.platform.target(f"proxmox_{kind}")
        assert isinstance(found, ProxmoxTarget)
        return found

    def present(self) -> dict[int, Any]:
        """Every guest of the cluster but templates, by vmid."""
        found = self.pve.on_loop(lambda: [*self.pve.vms, *self.pve.cts])
        return {guest.vmid: guest for guest in found if not guest.template}

    def ours(self) -> set[int]:
        """The vmids of guests that the platform has made and that stand."""
        return set(self.present()) - set(self.strangers)

    def log(self, app: AppView) -> str:
        """What the app's log says."""
        return logs.text(self.platform, ACTOR, app.id)

    # Doing to the cluster.

    def withhold(self, privilege: str) -> None:
        """Take a privilege out of every role."""

        def take() -> None:
            self.roles = dict(self.pve.roles)
            for name, held in self.roles.items():
                self.pve.roles[name] = held - {privilege}

        self.pve.on_loop(take)

    def grant_again(self) -> None:
        """Give back what was withheld."""
        self.pve.on_loop(lambda: self.pve.roles.update(self.roles))

    def obey(self, app: AppView) -> None:
        """Run on the node what the app's sentence asks for."""
        told = str(app.error_message)
        unlock, pool = UNLOCK.search(told), POOL.search(told)
        assert unlock, f"no command to run in {told!r}"
        self.pve.on_loop(lambda: self.pve.unlock(int(unlock[1])))
        if pool:
            self.pve.on_loop(lambda: self.pve.pools[pool[1]].add(int(pool[2])))

    # The database.

    def back_up(self) -> Path:
        """Copy the database as it is now."""
        copy = self.platform.folder("backup.db")
        with closing(sqlite3.connect(self._database)) as here, closing(sqlite3.connect(copy)) as to:
            here.backup(to)
        return copy

    def restore(self, copy: Path) -> None:
        """Go back to a copy, as an administrator does after a loss."""
        self.platform.store.close()
        with closing(sqlite3.connect(copy)) as here, closing(sqlite3.connect(self._database)) as to:
            here.backup(to)

    @property
    def _database(self) -> Path:
        return self.platform.folder("paas.db")

    # Strangers.

    def settle_strangers(self) -> None:
        for vmid, kind in STRANGERS.items():
            self.pve.add_foreign(vmid, kind)
            self.adopt_stranger(vmid, pooled=vmid == POOLED)

    def adopt_stranger(self, vmid: int, *, pooled: bool = False) -> None:
        """From now on this guest must stay as it is; in our pool only our own care spares it."""
        if pooled:
            self.pve.on_loop(lambda: self.pve.pools[SITE.pool].add(vmid))
        self.strangers[vmid] = self.photograph(vmid)

    def photograph(self, vmid: int) -> str:
        """Everything of a guest that somebody could change."""
        guest = self.present()[vmid]
        seen: Mapping[str, Any] = {
            "kind": type(guest).__name__,
            "node": guest.node,
            "name": guest.name,
            "status": guest.status,
            "config": guest.config,
            "snapshots": sorted(guest.snapshots),
            "firewall": self.pve.firewall_config("vm", vmid=vmid),
        }
        return json.dumps(seen, sort_keys=True, default=str)

    # What must hold.

    def check(self) -> None:
        """No guest is orphaned, no stranger touched, no lock held, and nobody waits in silence."""
        self._check_strangers()
        self._check_guests()
        with self.platform.store.read() as session:
            active = session.scalars(select(Operation).where(Operation.finished_at.is_(None))).all()
            locks = session.scalars(select(Lock.name)).all()
            apps = [session.get_one(App, one.app_id).error_message for one in active]
            held = [one.uuid for one in active if one.lease_until is not None]
        assert held == [], "an operation that nobody works on is held"
        assert locks == [], "a lock was left"
        assert all(apps), "an operation waits and does not say for what"

    def _check_strangers(self) -> None:
        present = self.present()
        for vmid, before in self.strangers.items():
            assert vmid in present, f"the stranger {vmid} is gone"
            assert self.photograph(vmid) == before, f"the stranger {vmid} was touched"

    def _check_guests(self) -> None:
        orphans = self.ours() - self.standing()
        assert orphans == set(), "guests of ours stand that no row speaks for"
        known = self.standing() | set(self.strangers)
        assert {vmid for vmid in self.disks() if vmid in self.target().vmids} <= known

    def disks(self) -> set[int]:
        """The vmids that volumes on the storages belong to."""

        def read() -> set[int]:
            stores = self.pve.storages.values()
            volumes = [volume for store in stores for volume in store.get("volumes", {}).values()]
            return {int(volume["vmid"]) for volume in volumes if volume.get("vmid")}

        return self.pve.on_loop(read)
