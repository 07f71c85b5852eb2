"""A Proxmox cluster for tests: fakepve mended, made as strict as the real API, with guests behind.

``running`` starts one in a thread of its own. Its state may be changed through the methods here
and through ``faults`` from any thread.
"""

import asyncio
import shutil
import ssl
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web
from fakepve import FakePve
from fakepve.qemu import join_drive

from tests.lab import pve_certs
from tests.lab.hypervisor import Hypervisor
from tests.lab.pve_access import ROOT, Access
from tests.lab.pve_answers import Request, read, refusal
from tests.lab.pve_cluster import Cluster
from tests.lab.pve_config import GIB
from tests.lab.pve_faults import Faults
from tests.lab.pve_guests import Guests
from tests.lab.pve_realism import Realism
from tests.lab.pve_rules import Dropped
from tests.lab.pve_shims import Shims
from tests.lab.pve_steps import Steps
from tests.lab.pve_tasks import VALUES, Tasks

T = TypeVar("T")

ADDRESS = "127.88.0.1"
PORT = 8006
MAX_UPLOAD = 4 * GIB
KEPT_REQUESTS = 50_000
# Real seconds that an upload, or a call from another thread, may take.
PATIENCE = 600.0


class LabPve(Cluster, Realism, Shims, Steps, Tasks, Guests, Access, FakePve):
    """One cluster. Time in its tasks is in PVE seconds: ``time_scale`` real seconds each."""

    def __init__(self, hypervisor: Hypervisor, address: str, folder: Path) -> None:
        super().__init__(host=address, port=PORT)
        self.hypervisor = hypervisor
        self.folder = folder
        self.faults = Faults(self)
        self.requests: list[Request] = []
        self.client_max_size = MAX_UPLOAD
        self.body_timeout = PATIENCE
        self.certificates = pve_certs.make(folder, address)
        self.root_token = self.add_token(ROOT, "lab", separate=False)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._serve, name="lab-pve", daemon=True)
        self._watching: asyncio.Task[None] | None = None

    @property
    def ca_file(self) -> Path:
        """The authority that signed the API's certificate."""
        return self.certificates.ca

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the API's certificate, as Proxmox shows it: upper case with colons."""
        return self.certificates.fingerprint

    # The thread.

    def open(self) -> None:
        """Start the thread and listen."""
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        self.listen(True)
        self._watching = self.on_loop(lambda: asyncio.ensure_future(self.watch()))

    def close(self) -> None:
        """Stop listening, and end what still runs in the thread."""
        self.run(self._end())
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._threads.shutdown()

    def _serve(self) -> None:
        assert self._loop is not None
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _end(self) -> None:
        await self.stop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def on_loop(self, call: Callable[[], T]) -> T:
        """Run something in the fake's thread and wait for what it returns."""
        if self._loop is None or threading.current_thread() is self._thread:
            return call()
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(call())
            except BaseException as error:
                done.set_exception(error)
                if not isinstance(error, Exception):
                    raise

        self._loop.call_soon_threadsafe(run)
        return done.result(PATIENCE)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the fake's thread and wait; from inside it, only begin it."""
        assert self._loop is not None
        if threading.current_thread() is self._thread:
            return self._loop.create_task(work)
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    # The door.

    def listen(self, on: bool) -> None:
        """Take requests, or close the port and all connections; tasks go on."""
        self.run(self._listen() if on else self.stop())

    async def _listen(self) -> None:
        if self.runner is not None:
            return
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificates.certificate, self.certificates.key)
        self.runner = web.AppRunner(self._build_app(), shutdown_timeout=0.1, access_log=None)
        await self.runner.setup()
        site = web.TCPSite(self.runner, self.host, self.port, ssl_context=context)
        await site.start()

    def _build_app(self) -> web.Application:
        app = super()._build_app()
        app.middlewares.insert(0, self._door)
        return app

    @web.middleware
    async def _door(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Faults first; then Proxmox's own way of saying no."""
        # A connection's requests share one context; none may see another's parameters.
        VALUES.set({})
        arrived = read(request)
        self.requests.append(arrived)
        del self.requests[:-KEPT_REQUESTS]
        try:
            answer, lose = await self.faults.arrive(arrived)
            if answer is not None:
                return answer
            response = await self._answered(request, handler)
            if not lose:
                return response
        except Dropped:
            pass
        if request.transport is not None:
            request.transport.abort()
        return web.Response()  # There is nobody left to send it to.

    @staticmethod
    async def _answered(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response = await handler(request)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            path = request.path.removeprefix("/api2/json")
            return refusal(501, f"Method '{request.method} {path}' not implemented")
        if response.status in (401, 595):
            return refusal(response.status, response.reason)
        return response

    def _record(self, request: Any, body: bytes) -> None:
        """The door has noted the request already."""

    # What there is.

    def add_storage(
        self, name: str, kind: str = "lvmthin", content: str = "images,rootdir"
    ) -> None:
        """A storage on every node; a ``dir`` keeps files, ``lvmthin`` volumes with snapshots."""
        where = (
            {"vgname": "pve", "thinpool": name} if kind == "lvmthin" else {"path": f"/mnt/{name}"}
        )
        store = {"type": kind, "active": 1, "content": content, "files": set(), **where}
        self.on_loop(lambda: self.storages.setdefault(name, store))

    def add_pool(self, name: str, *storages: str) -> None:
        """A pool with storages as members."""

        def add() -> None:
            self.pools.setdefault(name, set())
            self.pool_info[name] = {"comment": None, "storage": set(storages)}

        self.on_loop(add)

    def add_lxc_template(self, volid: str, *, size_mb: int = 120, unpacked_mb: int = 600) -> None:
        """A container template on its storage; a disk below ``unpacked_mb`` is too small for it."""
        storage, _, name = volid.partition(":")
        volume = {"content": "vztmpl", "size": size_mb * 1024**2, "format": "tzst", "ctime": 0}

        def add() -> None:
            self.storages[storage].setdefault("volumes", {})[name] = volume
            self.unpacked[volid] = unpacked_mb * 1024**2

        self.on_loop(add)

    def add_vm_template(
        self,
        vmid: int,
        name: str = "debian-12",
        *,
        disk: int = 3,
        node: str = "pve1",
        storage: str = "local-lvm",
    ) -> None:
        """A VM template: one disk (in GB), a card on vmbr0, a serial console, the guest agent."""
        of_files = self.storages[storage]["type"] == "dir"
        volume = f"{vmid}/base-{vmid}-disk-0.raw" if of_files else f"base-{vmid}-disk-0"
        kept = {"content": "images", "format": "raw", "size": disk * GIB, "vmid": vmid, "ctime": 0}
        config = {
            "agent": "enabled=1",
            "boot": "order=scsi0",
            "cores": 1,
            "memory": 512,
            "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0",
            "ostype": "l26",
            "scsi0": join_drive(f"{storage}:{volume}", {"size": f"{disk}G"}),
            "scsihw": "virtio-scsi-pci",
            "serial0": "socket",
            "template": 1,
        }

        def add() -> None:
            self.storages[storage].setdefault("volumes", {})[volume] = kept
            self.add_vm(vmid, name, node=node, config=config, template=True)

        self.on_loop(add)

    def add_foreign(self, vmid: int, kind: str = "lxc", name: str = "", node: str = "") -> Any:
        """A running guest of somebody else, which the hypervisor knows nothing of."""
        name, node = name or f"stranger-{vmid}", node or sorted(self.nodes)[0]
        add = self.add_ct if kind == "lxc" else self.add_vm
        return self.on_loop(lambda: add(vmid, name, node=node, status="running"))

    def task_log(self, kind: str) -> list[dict[str, Any]]:
        """The tasks of a kind, oldest first, each with type, id, user, status, exitstatus, log."""
        return self.on_loop(lambda: [dict(task) for task in self.tasklog if task["type"] == kind])


@contextmanager
def running(
    hypervisor: Hypervisor,
    *,
    address: str = ADDRESS,
    nodes: tuple[str, ...] = ("pve1", "pve2"),
    time_scale: float = 0.01,
    below: Path | None = None,
) -> Iterator[LabPve]:
    """A cluster that listens on port 8006 of a loopback address of its own.

    It has the bridge ``vmbr0`` and the storages ``local``, of files, which takes everything, and
    ``local-lvm``, which takes disks and snapshots. Its own files go into a folder in ``below``, or
    where the machine keeps temporary ones.
    """
    folder = Path(tempfile.mkdtemp(prefix="lab-pve-", dir=below))
    pve = LabPve(hypervisor, address, folder)
    pve.nodes = {node: {"online": True} for node in nodes}
    pve.time_scale = time_scale
    pve.storages["local"]["content"] = "backup,images,iso,rootdir,vztmpl"
    try:
        pve.open()
        try:
            yield pve
        finally:
            pve.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
