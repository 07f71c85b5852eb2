"""A fake cluster, both targets on it, and real Terraform with the real provider."""

import os
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from uuid import uuid4

from paas.domain.addresses import AddressPool
from paas.domain.specs import BuildPlan, GuestSpec, ReleaseSpec, Resources
from paas.domain.states import GuestType
from paas.targets.contract import Connection, Contact, Health, Reserved, RuntimeLine, Wanted
from paas.targets.proxmox.lxc import LxcTarget
from paas.targets.proxmox.site import Site
from paas.targets.proxmox.target import ProxmoxTarget
from paas.targets.proxmox.vm import VmTarget
from paas.tools.proxmox import Access
from paas.tools.terraform import Applied, Binary, Plan, Terraform, Workspace, find_terraform
from tests.lab.pve import LabPve
from tests.tools.proxmox import LXC_TEMPLATE, SITE
from tests.tools.support import bench

INSTALLATION = "0badcafe-1111-4222-8333-444444444444"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUGrP5h0b1sHn6VNQ5XgMJTQ4uV4s7tq2m9zqKDSb2x"
POOL = "10.0.0.20-10.0.0.99/24,gw=10.0.0.1"
_numbers = count()


class FakeInside:
    """Notes what it is asked; guests are always ready."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def warm_up(self, guest: GuestSpec, plan: BuildPlan | None) -> None:
        pass

    def wait_ready(self, guest: GuestSpec, address: str, deadline: float) -> Contact:
        assert deadline > 0
        self.asked.append(("wait_ready", address))
        return Contact(address, "ssh-ed25519 AAAA")

    def connection(self, guest: GuestSpec) -> Connection:
        return Connection({"ansible_host": guest.address})

    def variables(self, guest: GuestSpec, release: ReleaseSpec) -> Mapping[str, object]:
        return {}

    def health(self, guest: GuestSpec, release: ReleaseSpec) -> Health:
        return Health(True, "")

    def switch(self, guest: GuestSpec, release: ReleaseSpec) -> None:
        self.asked.append(("switch", guest.address))

    def serves(self, guest: GuestSpec) -> int | None:
        """Nobody knows."""

    def retire(self, guest: GuestSpec, release: ReleaseSpec) -> None:
        self.asked.append(("retire", guest.address))

    def tidy(self, guest: GuestSpec, kept: Collection[ReleaseSpec]) -> None:
        self.asked.append(("tidy", guest.address))

    def start_app(self, guest: GuestSpec) -> None:
        self.asked.append(("start_app", guest.address))

    def runtime_log(
        self, guest: GuestSpec, *, limit: int, since: str = "", search: str = ""
    ) -> Iterator[RuntimeLine]:
        return iter(())


def site_of(access: Access, **changes: object) -> Site:
    site = Site(
        access=access,
        installation=INSTALLATION,
        public_key=PUBLIC_KEY,
        vmids=range(100_000, 200_000),
        addresses=AddressPool.parse(POOL),
        dns=("10.0.0.1",),
        lxc_template=LXC_TEMPLATE,
        vm_template=SITE.vm_template,
        ssh_from=("10.0.0.5",),
        task_seconds=60.0,
        stop_seconds=10.0,
    )
    return replace(site, **changes)  # type: ignore[arg-type]


@dataclass
class World:
    """One target on the cluster, in the way that the engine uses it."""

    pve: LabPve
    target: ProxmoxTarget
    inside: FakeInside

    @property
    def kind(self) -> str:
        return self.target.kind

    def reserve(self, reserved: Collection[Reserved] = (), **changes: object) -> GuestSpec:
        """A guest's row, with its place seen empty just now."""
        number = next(_numbers)
        wanted = Wanted(number, 8000, Resources(1, 512, 5))
        place = self.target.place(wanted, list(reserved), self.target.survey())
        uuid = str(uuid4())
        guest = GuestSpec(
            uuid=uuid,
            marker=f"{INSTALLATION}/{uuid}",
            target=self.target.name,
            endpoint=place.endpoint,
            node=place.node,
            vmid=100_000 + number,
            incarnation=1,
            hostname=f"shop-{number}",
            address=place.address,
            port=8000,
            resources=wanted.resources,
            guest_type=GuestType.VM if self.kind == "qemu" else GuestType.LXC,
            frozen=dict(place.frozen),
            preflight=time.time(),
            about={"name": "shop", "framework": "flask", "repository": "https://x.example/a.git"},
        )
        return replace(guest, **changes)  # type: ignore[arg-type]

    def make_directly(self, guest: GuestSpec, **changes: object) -> None:
        """Make the guest through the API, as the provider does it first."""
        values = dict(self.target.values(guest)) | changes
        proxmox, node = self.target.proxmox, guest.node
        if self.kind == "lxc":
            given = {
                "vmid": guest.vmid,
                "ostemplate": values["template"],
                "rootfs": f"{values['storage']}:{values['disk']}",
                "hostname": guest.hostname,
                "description": values["description"],
                "tags": ";".join(values["tags"]),  # type: ignore[arg-type]
                "pool": values["pool"],
                "cores": values["cores"],
                "memory": values["memory"],
                "unprivileged": 1,
            }
            proxmox.wait_task(proxmox.post(f"/nodes/{node}/lxc", **given), 60)
            path = f"/nodes/{node}/lxc/{guest.vmid}"
            # With start=1 it would be a task that nobody can wait for.
            proxmox.wait_task(proxmox.post(f"{path}/status/start"), 60)
            return
        given = {"newid": guest.vmid, "full": 1, "pool": values["pool"], "name": guest.hostname}
        given["description"] = values["description"]
        upid = proxmox.post(f"/nodes/{node}/qemu/{values['template']}/clone", **given)
        proxmox.wait_task(upid, 60)
        path = f"/nodes/{node}/qemu/{guest.vmid}"
        proxmox.post(
            f"{path}/config",
            tags=";".join(values["tags"]),  # type: ignore[arg-type]
            cores=values["cores"],
            memory=values["memory"],
        )
        proxmox.put(f"{path}/resize", disk="scsi0", size=f"{values['disk']}G")
        proxmox.wait_task(proxmox.post(f"{path}/status/start"), 60)

    def exists(self, guest: GuestSpec) -> bool:
        return self.pve.on_loop(lambda: self.pve.guest(guest.vmid)) is not None

    def volumes(self, guest: GuestSpec) -> list[str]:
        """What the storages hold under the guest's number."""

        def look() -> list[str]:
            return [
                name
                for storage in self.pve.storages.values()
                for name in storage.get("volumes", {})
                if f"-{guest.vmid}-" in name
            ]

        return list(self.pve.on_loop(look))


class Applying:
    """Terraform for one guest, with its state in a folder, as for someone who took it home."""

    def __init__(self, world: World, guest: GuestSpec, folder: Path, mirror: Path) -> None:
        self.world = world
        self.folder = folder
        self.mirror = mirror
        self.lines: list[tuple[str, str]] = []
        self.change(guest)

    def change(self, guest: GuestSpec) -> None:
        """The row is another now."""
        self.guest = guest
        target = self.world.target
        self.workspace = Workspace.make(
            self.folder / "work", target.module, target.values(guest), backend=False
        )

    @property
    def terraform(self) -> Terraform:
        return Terraform(
            binary(),
            self.workspace,
            bench(self.lines),
            None,
            self.folder.parent / "shared",
            providers=self.world.target.environment(self.folder),
            mirror=str(self.mirror),
        )

    @property
    def state(self) -> Path:
        return self.folder / "work" / "terraform.tfstate"

    def plan(self, *, destroy: bool = False) -> Plan:
        return self.terraform.plan(destroy=destroy)

    def apply(self) -> Applied:
        self.plan()
        return self.terraform.apply()


def binary() -> Binary:
    return find_terraform("", os.environ["PATH"], Path("/nonexistent"))


TARGETS: Mapping[str, type[ProxmoxTarget]] = {"lxc": LxcTarget, "vm": VmTarget}
