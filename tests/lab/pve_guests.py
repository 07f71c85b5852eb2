"""Lets the hypervisor's guests follow what the fake believes about them."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fakepve.lxc import FakeCt
from fakepve.model import PveError, TaskError
from fakepve.qemu import drives_of

from tests.lab import pve_config
from tests.lab.hypervisor import Firewall, GuestConfig, Hypervisor, HypervisorError

# Real seconds between two looks at guests that may have ended themselves.
WATCH_EVERY = 0.25


class Guests:
    """Mixin: what a task or a change of configuration does to the guest behind it.

    A guest that the hypervisor never made (a foreign one, a template) is left to the fake.
    """

    hypervisor: Hypervisor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # PVE seconds that a VM's tasks take; ct_secs is the fake's own, for containers.
        self.vm_secs = dict.fromkeys(("create", "clone", "destroy", "resize", "snapshot"), 0.0)
        self.made: dict[int, GuestConfig] = {}
        self.images: dict[int, str] = {}
        self.ssh_keys: dict[int, str] = {}
        self.on_template: Callable[[str, Path], None] | None = None
        self.on_converted: Callable[[int], None] | None = None
        self._walls: dict[int, Firewall] = {}
        self._busy: Counter[int] = Counter()
        self._gates: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._threads = ThreadPoolExecutor(16, thread_name_prefix="lab-guest")

    async def _hv(
        self, call: Callable[..., Any], *args: Any, keep: list[asyncio.Future[Any]] | None = None
    ) -> Any:
        """Call the hypervisor in a thread, which goes on when the caller is cancelled.

        Who has to wait for that thread then finds it in ``keep``.
        """
        future = asyncio.get_running_loop().run_in_executor(self._threads, call, *args)
        if keep is not None:
            keep.append(future)
        return await asyncio.shield(future)

    def config_of(self, guest: Any) -> GuestConfig:
        image = self.images.get(guest.vmid, "")
        if isinstance(guest, FakeCt):
            keys = self.ssh_keys.get(guest.vmid, "")
            return pve_config.container(guest.vmid, guest.config, image, keys)
        return pve_config.machine(guest.vmid, guest.config, image)

    def exists(self, guest: Any) -> bool:
        return guest in self.vms or guest in self.cts

    async def match(self, guest: Any) -> None:
        """Make the guest run, rest or be gone, with the configuration that it has now."""
        async with self._gates[guest.vmid]:
            if guest.vmid not in self.made:
                return
            if not self.exists(guest):
                await self._hv(self.hypervisor.destroy, guest.vmid)
                self._lose(guest.vmid)
                return
            config = self.config_of(guest)
            if config != self.made[guest.vmid]:
                await self._hv(self.hypervisor.configure, config)
                self.made[guest.vmid] = config
            running = await self._hv(self.hypervisor.is_running, guest.vmid)
            await self.wall(guest)
            if guest.status == "running" and not running:
                await self._start(guest)
            elif guest.status != "running" and running:
                await self._hv(self.hypervisor.stop, guest.vmid)

    async def _start(self, guest: Any) -> None:
        try:
            await self._hv(self.hypervisor.start, guest.vmid)
        except HypervisorError:
            self.mark_stopped(guest)
            raise

    async def wall(self, guest: Any) -> None:
        """Apply a guest's firewall if it is another one now."""
        own = self.firewall_config("vm", vmid=guest.vmid)
        cluster = self.firewall_config("cluster")
        wanted = pve_config.firewall(guest.config, own, cluster, self.config_of(guest))
        if guest.vmid in self.made and wanted != self._walls.get(guest.vmid, Firewall()):
            await self._hv(self.hypervisor.firewall, guest.vmid, wanted)
            self._walls[guest.vmid] = wanted

    async def forget(self, guest: Any) -> None:
        """Undo a creation: guest, disks, membership."""
        if guest in self.vms:
            for _key, volume, _props in drives_of(guest.config):
                self._qm_free(volume)
            self.vms.remove(guest)
            self._pool_leave(guest.vmid)
        elif guest in self.cts:
            self._drop(guest)
        await self._hv(self.hypervisor.destroy, guest.vmid)
        self._lose(guest.vmid)

    def _lose(self, vmid: int) -> None:
        for kept in (self.made, self._walls, self.images, self.ssh_keys):
            kept.pop(vmid, None)
        self._fw()["guests"].pop(vmid, None)

    @staticmethod
    def mark_stopped(guest: Any) -> None:
        guest.status = "stopped"
        guest.pid = None
        if hasattr(guest, "qmpstatus"):
            guest.qmpstatus = "stopped"

    # Changes that are no tasks.

    async def _update_config(self, ct: Any, *args: Any) -> None:
        await super()._update_config(ct, *args)
        await self._follow(ct)

    async def _apply_config(self, vm: Any, *args: Any) -> None:
        await super()._apply_config(vm, *args)
        await self._follow(vm)

    async def _follow(self, guest: Any) -> None:
        try:
            await self.match(guest)
        except HypervisorError as error:
            raise PveError(500, str(error)) from error

    async def _ct_powerdown(self, ct: Any, timeout: float, force: bool) -> None:
        if ct.shutdown_secs <= timeout:
            await self._shut_down(ct, timeout, force, "container did not stop")
        await super()._ct_powerdown(ct, timeout, force)

    async def _powerdown(self, vm: Any, p: Mapping[str, Any]) -> str | None:
        timeout = int(p.get("timeout") or self.shutdown_default_timeout)
        if vm.acpi and vm.shutdown_secs <= timeout:
            force = str(p.get("forceStop", "0")) in ("1", "true")
            await self._shut_down(vm, timeout, force, "VM quit/powerdown failed - got timeout")
        return await super()._powerdown(vm, p)

    async def _shut_down(self, guest: Any, timeout: float, force: bool, complaint: str) -> None:
        """The guest gets real seconds: it does not boot or end faster than any other."""
        if guest.vmid not in self.made:
            return
        try:
            await self._hv(self.hypervisor.shutdown, guest.vmid, timeout)
        except HypervisorError as error:
            if not force:
                raise TaskError(complaint) from error
            await self._hv(self.hypervisor.stop, guest.vmid)

    # Addresses, and guests that end themselves.

    async def addresses(self, vmid: int) -> list[str]:
        return list(await self._hv(self.hypervisor.addresses, vmid)) if vmid in self.made else []

    async def watch(self) -> None:
        """Show guests that powered themselves off as stopped; runs until it is cancelled."""
        while True:
            await asyncio.sleep(WATCH_EVERY)
            for vmid in list(self.made):
                await self._look_at(vmid)

    async def _look_at(self, vmid: int) -> None:
        guest = self.guest(vmid)
        if guest is None or guest.status != "running" or self._busy[vmid]:
            return
        began = guest.started_at
        try:
            if await self._hv(self.hypervisor.is_running, vmid):
                return
        except HypervisorError:
            return  # Nobody can say; the next look may.
        if guest.started_at == began and not self._busy[vmid]:
            self.mark_stopped(guest)
