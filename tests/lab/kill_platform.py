"""A platform before a fake cluster, to be killed in part or whole: what must hold all the while.

It runs as a user runs it, by `paas run` with two workers on one queue.
"""

import json
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import select

from paas.domain.states import GuestState
from paas.settings import Settings
from paas.store import setup
from paas.store.models import Guest, Lock
from tests.functional.running import Running, until
from tests.lab import killing
from tests.lab.hypervisor import NoGuests
from tests.lab.pve import LabPve
from tests.lab.pve_rules import TASKS
from tests.lab.pve_tasks import ABORTED
from tests.mirror import Mirror
from tests.tools.proxmox import LXC_TEMPLATE, SITE, cluster

ADDRESSES = "192.0.2.20-192.0.2.99/24,gw=192.0.2.1"
SIZES = {
    "lxc": {"cores": 1, "memory": 512, "disk": 5},
    "vm": {"cores": 1, "memory": 512, "disk": 10},
}
KINDS = {"lxc": "lxc", "vm": "qemu"}
PROGRAM = "from tests.lab.pretend_platform import main; main()"


class KillPlatform(Running):
    """A platform whose processes are killed, before a cluster with others' guests in it."""

    patience = killing.PATIENCE
    program = PROGRAM

    def __init__(
        self, pve: LabPve, below: NoGuests, folder: Path, given: Mapping[str, str]
    ) -> None:
        mirror = Mirror(folder / "mirror")
        self.repository = mirror.add_sample("static")
        super().__init__(folder / "i", mirror.folder, **given)
        self.pve = pve
        self.below = below
        self.settings = Settings.read(self._environment)
        self.strangers: dict[int, str] = {}
        self._count = 0

    def begin(self, kind: str) -> str:
        """Ask for an app; returns its id."""
        self._count += 1
        return self.deploy(
            {
                "name": f"{kind}-{self._count}",
                "deployment_type": kind,
                "framework": "static",
                "github_url": self.repository,
                "resources": SIZES[kind],
            }
        )

    def runs(self, app_id: str) -> int:
        """The vmid of the app, once it runs."""
        found = self.ends(app_id, "running", "failed")
        assert found["status"] == "running", f"{found}\n{self.text(app_id)}"
        return int(found["vm_id"])

    def sentence(self, app_id: str) -> str:
        """What the deployment waits for, or has failed with, in words."""
        return str(self.get(app_id).get("error_message"))

    def goes(self, app_id: str) -> None:
        """Delete the app, and wait until that is done."""
        self.delete(app_id)
        self.ends(app_id, "deleted")

    def delete_all(self) -> None:
        """Remove what a test that failed has left."""
        left = requests.get(f"{self.url}/api/deployments", timeout=30).json()["deployments"]
        for found in left:
            self.goes(found["id"])

    # The cluster.

    def hanging(self, task: str, count: int = 1) -> int:
        """Wait until so many tasks of a kind hang; the vmid of the last one's guest."""
        return killing.hanging(self.pve, task, count)

    def replace_by_strangers(self, vmids: Mapping[str, int], end: Callable[[], Any]) -> None:
        """While the cluster cannot be reached, our guests go and others' take their vmids."""
        self.pve.faults.unreachable()
        end()
        for kind, vmid in vmids.items():
            until(lambda vmid=vmid: self._is_gone(vmid), f"guest {vmid} to go")
            self.pve.faults.occupy(vmid, KINDS[kind])
            self.strangers[vmid] = self.photograph(vmid)
        self.pve.faults.reachable()

    def _is_gone(self, vmid: int) -> bool:
        return self.pve.on_loop(lambda: self.pve.guest(vmid)) is None

    def abort(self, task: str) -> None:
        """Somebody ends the tasks of a kind; Proxmox cleans up after them."""

        def end() -> None:
            for work in self.pve.works.values():
                if work.kind in TASKS[task]:
                    self.pve.end_work(work, ABORTED)

        self.pve.on_loop(end)

    def photograph(self, vmid: int) -> str:
        """All of a guest that somebody could change."""

        def take() -> str:
            guest = self.pve.guest(vmid)
            seen = (type(guest).__name__, guest.node, guest.name, guest.status, guest.lock)
            return json.dumps([seen, guest.config, sorted(guest.snapshots)], default=str)

        return str(self.pve.on_loop(take))

    # What must hold.

    def check(self) -> None:
        """What stands is on the books, nothing else does, and of strangers nothing has changed."""
        for vmid, before in self.strangers.items():
            assert self.photograph(vmid) == before, f"the stranger {vmid} was touched"
        try:
            until(lambda: not self._amiss(), "everything to be in order", 30)
        except AssertionError:
            raise AssertionError("\n".join(["this is amiss:", *self._amiss()])) from None

    def _amiss(self) -> list[str]:
        rows, locks = self._books()
        present = self.pve.on_loop(
            lambda: {g.vmid: g for g in [*self.pve.vms, *self.pve.cts] if not g.template}
        )
        ours = set(present) - set(self.strangers)
        found = [f"guest {vmid} without a row" for vmid in ours - rows]
        found += [f"row without a guest {vmid}" for vmid in rows - ours]
        found += [f"guest {v} is locked" for v in ours if present[v].config.get("lock")]
        found += [f"a real guest {v} is left" for v in set(self.below.guests) - ours]
        found += [f"a disk of guest {v}" for v in self._disks() - set(present)]
        found += [f"a lock {name}" for name in locks]
        found += [f"a folder {path.name}" for path in (self.instance / "work").iterdir()]
        programs = (killing.terraform, killing.provider, killing.guard)
        return found + [f"a process {pid}" for program in programs for pid in program(self)]

    def _books(self) -> tuple[set[int], list[str]]:
        store = setup.open_store(self.settings)
        try:
            with store.read() as session:
                rows = session.scalars(select(Guest).where(Guest.state != GuestState.GONE))
                return {row.vmid for row in rows}, list(session.scalars(select(Lock.name)))
        finally:
            store.close()

    def _disks(self) -> set[int]:
        """The vmids in our range that volumes belong to."""

        def read() -> set[int]:
            stores = self.pve.storages.values()
            volumes = [volume for store in stores for volume in store.get("volumes", {}).values()]
            return {int(one["vmid"]) for one in volumes if one.get("vmid", 0) >= 100_000}

        found: set[int] = self.pve.on_loop(read)
        return found


@contextmanager
def running(provider_mirror: Path, **settings: str) -> Iterator[KillPlatform]:
    """A platform and its cluster until nothing of either is left."""
    folder = Path(tempfile.mkdtemp(prefix="pk", dir="/tmp"))
    with cluster() as (pve, access):
        below = pve.hypervisor
        assert isinstance(below, NoGuests)
        proxmox = {
            "URL": access.url,
            "TOKEN": access.token,
            "CA_FILE": access.ca_file,
            "POOL": SITE.pool,
            "ADDRESSES": ADDRESSES,
            "LXC_TEMPLATE": LXC_TEMPLATE,
            "VM_TEMPLATE": str(SITE.vm_template),
        }
        given = {
            "PAAS_TARGET": "proxmox",
            "PAAS_WORKERS": "2",
            "PAAS_TERRAFORM_MIRROR": str(provider_mirror),
            **{f"PAAS_PROXMOX_{name}": value for name, value in proxmox.items()},
            **settings,
        }
        made = KillPlatform(pve, below, folder, given)
        try:
            made.start()
            yield made
            assert made.stop() == 0, made.said()[-2000:]
            assert list(made.processes()) == []
        finally:
            pve.faults.clear()
            made.stop(signal.SIGTERM)
            shutil.rmtree(folder, ignore_errors=True)
