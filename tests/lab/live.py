"""A platform in front of the lab: `paas run` with its web process and two workers, used by HTTP."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
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
from tests.lab.lab import POOL, Lab

# Many deployments at once on a machine that does much else.
PATIENCE = 600.0
# The smallest that the API takes.
SMALL = {
    "lxc": {"cores": 1, "memory": 512, "disk": 5},
    "vm": {"cores": 1, "memory": 512, "disk": 10},
}
# A web server that writes a line for every request.
PROCFILE = "web: exec python3 -m http.server $PORT --bind $HOST\n"
# An app that shows what its first release wrote into its data.
KEEPING = {
    "index.html": "never shown",
    "Procfile": 'release: cd "$PAAS_DATA_DIR"; test -e index.html || echo born $$ >index.html\n'
    'web: exec python3 -m http.server $PORT --bind $HOST --directory "$PAAS_DATA_DIR"\n',
}
CLI = "from paas.cli import main; main()"
ASYNC = {"Prefer": "respond-async"}


class LabPlatform(Running):
    """A platform whose guests live in the lab; ``settings`` are variables of the environment."""

    patience = PATIENCE

    def __init__(self, lab: Lab, instance: Path, settings: dict[str, str]) -> None:
        self.lab = lab
        given = lab.environ(instance) | settings
        super().__init__(instance, lab.git.folder, **given)
        self.settings = Settings.read(self._environment)
        self._before = traces(lab)

    # Asking.

    def ask(self, method: str, path: str, status: int = 200, **options: Any) -> dict[str, Any]:
        """The document that this request is answered with; fails on another status."""
        answer = requests.request(method, f"{self.url}/api{path}", timeout=60, **options)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        found: dict[str, Any] = answer.json()
        return found

    def begin(self, kind: str, repository: str, name: str, **changes: object) -> str:
        """Ask for a small app; returns its id while it is being deployed."""
        body = {
            "name": name,
            "deployment_type": kind,
            "framework": "static",
            "github_url": repository,
            "resources": SMALL[kind],
            **changes,
        }
        return self.deploy(body)

    def act(self, app_id: str, verb: str, *ends: str, **body: object) -> dict[str, Any]:
        """Ask for work on an app and wait until it rests in one of the states."""
        path = f"/deployments/{app_id}/{verb}"
        self.ask("POST", path, 202, headers=ASYNC, json=body)
        return self.ends(app_id, *(ends or ("running",)))

    def runs(self, app_id: str) -> dict[str, Any]:
        """The deployment once it runs; fails with its log when it does not."""
        found = self.ends(app_id, "running", "failed")
        assert found["status"] == "running", f"{found}\n{self.text(app_id)}"
        return found

    def page(self, app_id: str, path: str = "/") -> requests.Response:
        """What the app itself answers at its access_url."""
        return requests.get(f"{self.get(app_id)['access_url']}{path}", timeout=10)

    def drift(self, app_id: str) -> dict[str, tuple[str, str]]:
        """How the guest differs: name -> (wanted, found)."""
        found = self.ask("GET", f"/deployments/{app_id}/drift")["drift"]["differences"]
        return {one["name"]: (one["wanted"], one["found"]) for one in found}

    def changes(self, app_id: str, repository: str) -> None:
        """The app shows "1"; redeployed with "2" and restarted it shows that, as its row says."""
        assert self.page(app_id).text == "1"
        self.lab.git.add(repository, {"index.html": "2"})
        assert self.act(app_id, "redeploy")["error_message"] is None
        self.act(app_id, "restart")
        assert self.page(app_id).text == "2"
        assert self.drift(app_id) == {}

    def strays(self) -> dict[str, list[int]]:
        """The guests that are not on the books: kind -> vmids."""
        found: dict[str, list[int]] = {}
        for one in self.ask("GET", "/reconcile")["guests"]:
            found.setdefault(one["kind"], []).append(one["vmid"])
        return found

    def listed(self) -> list[dict[str, Any]]:
        """All deployments that are not deleted."""
        found: list[dict[str, Any]] = self.ask("GET", "/deployments")["deployments"]
        return found

    def stats(self) -> dict[str, Any]:
        """The totals."""
        found: dict[str, Any] = self.ask("GET", "/stats")["stats"]
        return found

    def cli(self, *words: str) -> str:
        """What the command line says to these words; fails when it does not end well."""
        command = [sys.executable, "-c", CLI, *words]
        environment = {**self._environment, "PAAS_URL": self.url}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"paas {words}: {done.returncode} {done.stdout} {done.stderr}"
        return done.stdout

    # Ending.

    def apps(self) -> list[str]:
        """The ids of all deployments that are not deleted."""
        return [one["id"] for one in self.listed()]

    def delete_all(self, ids: Iterable[str] | None = None) -> None:
        """Delete these deployments, or all, and wait for the last."""
        chosen = self.apps() if ids is None else list(ids)
        for app_id in chosen:
            self.delete(app_id)
        for app_id in chosen:
            self.ends(app_id, "deleted")

    def nothing_left(self) -> None:
        """Proxmox, the bridge, LXC and the platform's own books hold nothing of ours any more."""
        try:
            until(lambda: not self._remains(), "everything of ours to go", 30)
        except AssertionError:
            raise AssertionError("\n".join(["this is left:", *self._remains()])) from None

    def _remains(self) -> list[str]:
        now = traces(self.lab)
        found = [
            f"{kind}: {one}" for kind, all_ in now.items() for one in all_ - self._before[kind]
        ]
        store = setup.open_store(self.settings)
        try:
            with store.read() as session:
                rows = session.scalars(select(Guest).where(Guest.state != GuestState.GONE))
                found += [f"row: guest {row.vmid} at {row.address} is {row.state}" for row in rows]
                found += [f"row: lock {name}" for name in session.scalars(select(Lock.name))]
        finally:
            store.close()
        return found + [f"file: {path}" for path in (self.instance / "work").glob("*")]


@contextmanager
def running(lab: Lab, **settings: str) -> Iterator[LabPlatform]:
    """A platform from its first start until nothing of it is left; ``settings`` by their names:
    ``running(lab, PAAS_SNAPSHOTS="2")``."""
    folder = Path(tempfile.mkdtemp(prefix="pl", dir="/tmp"))
    folder.chmod(0o711)
    made = LabPlatform(lab, folder / "i", settings)
    try:
        made.start()
        yield made
        made.delete_all()
        made.nothing_left()
        assert made.stop() == 0, made.said()[-2000:]
        assert list(made.processes()) == []
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def traces(lab: Lab) -> dict[str, set[str]]:
    """All that guests of the lab consist of, in Proxmox, on the bridge and in LXC."""
    pve, plan, folder = lab.pve, lab.ground.plan, lab.ground.folder

    def in_proxmox() -> dict[str, set[str]]:
        volumes = [
            f"{name}:{volume}"
            for name, storage in pve.storages.items()
            for volume in [*storage.get("volumes", ()), *storage.get("files", ())]
        ]
        return {
            "guest": {f"{one.vmid} {one.name} on {one.node}" for one in [*pve.vms, *pve.cts]},
            "volume": set(volumes),
            "member of the pool": {str(one) for one in pve.pools[POOL]},
        }

    table = ["nft", "list", "table", "bridge", plan.bridge]
    walls = subprocess.run(table, capture_output=True, text=True)
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return {
        **pve.on_loop(in_proxmox),
        "container": {str(vmid) for vmid in lab.ground.hypervisor.vmids()},
        "folder": {str(path) for path in (folder / "lxc").glob("*")},
        "interface": {path.name for path in Path("/sys/class/net").glob(f"pl{plan.number}.*")},
        "mount": {line.split()[1] for line in mounts if f" {folder}/" in line},
        "firewall": set(re.findall(r"chain (to_\d+)", walls.stdout)),
    }
