"""What each kind of task does to the guest behind it, before and after the fake's own body."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fakepve.lxc import FakeCt, parse_mount

from tests.lab import pve_config
from tests.lab.hypervisor import GuestConfig, HypervisorError
from tests.lab.pve_tasks import CLONES, CREATES, DESTROYS, STARTS, VALUES, Work


class Steps:
    """Mixin between the tasks and the guests."""

    folder: Path

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What a clone's configuration and name are to be, while only its lock is shown.
        self._clones: dict[int, tuple[dict[str, Any], str]] = {}

    async def _qm_clone(self, v: Mapping[str, Any], user: str) -> Any:
        upid = await super()._qm_clone(v, user)
        guest = self.vm(int(v["newid"]))
        self._clones[guest.vmid] = guest.config, guest.name
        guest.config, guest.name = {"lock": "clone"}, f"VM {guest.vmid}"
        return upid

    async def before(self, work: Work) -> None:
        if work.kind in CREATES:
            await self.check_create(work)
        elif work.kind == "qmclone":
            await self._half_a_clone(work)
        elif work.kind in STARTS and work.guest is not None:
            self.check_bridge_exists(work.guest, self.tasks[work.upid])
        elif work.kind in DESTROYS:
            await self._destroy_first(work)

    async def after(self, work: Work) -> None:
        guest = work.guest
        if work.kind == "imgcopy":
            await self._uploaded(work)
        elif work.kind in ("qmtemplate", "vztemplate"):
            await self._converted(guest.vmid)
        elif work.kind in CREATES + CLONES:
            await self._create(work)
        elif "snapshot" in work.kind or "rollback" in work.kind:
            await self._snapshot(work)
        elif work.kind == "qmreset":
            await self._hv(self.hypervisor.stop, guest.vmid)
        if guest is not None:
            await self.match(guest)
        if work.kind in CREATES and work.values.get("start"):
            await self._start_task(guest, self.tasks[work.upid]["user"])

    async def _converted(self, vmid: int) -> None:
        if self.on_converted is not None:
            await self._hv(self.on_converted, vmid)

    async def _upload(self, request: Any) -> Any:
        VALUES.set({"storage": request.match_info["storage"]})
        return await super()._upload(request)

    async def _uploaded(self, work: Work) -> None:
        """Keep an uploaded container template as a file, and say where it is."""
        if work.upload.get("content") != "vztmpl":
            return
        name = Path(work.upload["filename"]).name
        path = self.folder / f"{work.values['storage']}-{name}"
        await self._hv(path.write_bytes, work.upload.pop("data"))
        if self.on_template is not None:
            await self._hv(self.on_template, f"{work.values['storage']}:vztmpl/{name}", path)

    async def _watched(self, work: Work, body: Any) -> str | None:
        vmid = work.guest.vmid if work.guest is not None else 0
        self._busy[vmid] += 1
        try:
            return await super()._watched(work, body)
        finally:
            self._busy[vmid] -= 1

    async def _half_a_clone(self, work: Work) -> None:
        """What readers see while it lasts: the lock alone, then the description as well.

        One clone of a template at a time; another one waits for the lock and then fails.
        """
        guest, source = work.guest, self.vm(int(work.about))
        whole, name = self._clones.pop(guest.vmid)
        await self.acquire(source, work.upid)
        try:
            await self.pause(self.vm_secs["clone"] / 2)
            if "description" in whole:
                guest.config["description"] = whole["description"]
            await self.pause(self.vm_secs["clone"] / 2)
        finally:
            self.release(source, work.upid)
        guest.config, guest.name = whole, name

    async def _destroy_first(self, work: Work) -> None:
        """The disk goes while the configuration still stands, so that absent means gone."""
        guest = work.guest
        running = guest.status == "running" and not work.values.get("force")
        if guest.lock or running or guest.config.get("protection"):
            return
        if work.kind == "qmdestroy":
            await self.pause(self.vm_secs["destroy"])
        if guest.vmid in self.made:
            await self._hv(self.hypervisor.destroy, guest.vmid, keep=work.threads)
        self._lose(guest.vmid)

    async def _create(self, work: Work) -> None:
        """Make the guest's disk; until it is there the configuration is not much but a lock."""
        guest = work.guest
        source = work.about if work.kind in CLONES else ""
        self.images[guest.vmid] = str(work.values.get("ostemplate") or source)
        config, whole = self.config_of(guest), guest.config
        word = "clone" if work.kind == "qmclone" else "create"
        shown = (
            {"lock": word, "description": whole.get("description")} if source else {"lock": word}
        )
        guest.config = {key: value for key, value in shown.items() if value}
        guest.lock = word
        try:
            await self._hv(self.hypervisor.create, config, keep=work.threads)
        finally:
            guest.config = whole
            guest.lock = None
        self.made[guest.vmid] = config

    async def _start_task(self, guest: Any, user: str) -> None:
        """A create with start=1 begins a second task, which asks for no privilege of its own."""
        if isinstance(guest, FakeCt):
            await self._lxc_start(user, {"node": guest.node, "vmid": guest.vmid})
        else:
            await self._do_start(guest, user, {})

    async def _snapshot(self, work: Work) -> None:
        name, vmid = work.values["snapname"], work.guest.vmid
        if vmid not in self.made:
            return
        if "rollback" in work.kind:
            await self._hv(self.hypervisor.rollback, vmid, name)
        elif "del" in work.kind:
            await self._hv(self.hypervisor.drop_snapshot, vmid, name)
        else:
            try:
                await self._hv(self.hypervisor.snapshot, vmid, name)
            except HypervisorError:
                work.guest.snapshots.pop(name, None)
                raise

    def leave_half_made(self, work: Work) -> None:
        """What a killed creation leaves: the lock, and a container's disk that nothing names."""
        guest = work.guest
        self.made.setdefault(guest.vmid, GuestConfig(guest.vmid, "", "", ""))
        if work.kind in CLONES:
            guest.lock = guest.config["lock"] = "clone"
            return
        guest.config = {"lock": "create"}
        guest.lock = "create"
        rootfs = parse_mount(str(work.values.get("rootfs") or f"{work.values.get('storage')}:4"))
        storage, _, size = rootfs["volume"].partition(":")
        if isinstance(guest, FakeCt) and storage in self.storages:
            name = self._ct_volume_name(guest.vmid, storage, 0)
            self.storages[storage].setdefault("volumes", {})[name] = {
                "content": "images",
                "format": "raw",
                "size": int(float(size or 4) * pve_config.GIB),
                "vmid": guest.vmid,
                "ctime": int(time.time()),
            }
