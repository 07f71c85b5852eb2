"""What pve-manager answers where fakepve is kinder: stricter checks, and tasks that fail later."""

import base64
import binascii
import re
import time
import urllib.parse
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from fakepve.lxc import FakeCt, parse_mount, split_props
from fakepve.model import PveError, TaskError
from fakepve.routing import param_error
from fakepve.server import USER

from tests.lab.pve_answers import edited
from tests.lab.pve_config import GIB
from tests.lab.pve_tasks import Work

# PVE seconds in which /cluster/resources knows neither a new guest's name nor its state.
SHY_FOR = 10.0
KEY_TYPE = re.compile(
    r"^(.*\s)?(ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-\S+|sk-\S+)\s+([A-Za-z0-9+/]+={0,2})(\s|$)"
)
DISK_TEXT = re.compile(r"^[^:\s]+:(\d+(?:\.\d+)?)$")
UPID = re.compile(
    r"^UPID:[^:\s]+:[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:[0-9A-Fa-f]{8}:[^:\s]+:[^:\s]*:[^:\s]+:$"
)
UNPACK = (
    "command 'lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- tar xpf - --zstd --totals "
    "-C /var/lib/lxc/{vmid}/rootfs --skip-old-files --anchored' failed: exit code 2"
)


class Realism:
    """Mixin: the differences from the real API that were measured."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shy_for = SHY_FOR
        # PVE seconds in which the cluster's view still has a guest's state of before.
        self.status_lag = 0.0
        # By guest: the state that is shown, the one that was seen last, and since when.
        self._shown: dict[int, tuple[str, str, float]] = {}
        self.bridges = {"vmbr0"}
        # Each node's own address on a bridge, and its way out there.
        self.networks = {"vmbr0": ("10.0.0.2/24", "10.0.0.1")}
        # Bytes that a container template needs unpacked, by volume id.
        self.unpacked: dict[str, int] = {}
        self._born: dict[int, float] = {}

    # Checks at the door.

    async def _lxc_create(self, user: str, v: Mapping[str, Any]) -> Any:
        check_keys(v.get("ssh-public-keys", ""))
        # Start is a task of its own afterwards, and a create with it needs no VM.PowerMgmt.
        upid = await super()._lxc_create(user, {key: x for key, x in v.items() if key != "start"})
        self._born[int(v["vmid"])] = time.monotonic()
        return upid

    async def _qm_create(self, v: Mapping[str, Any], user: str) -> Any:
        upid = await super()._qm_create({k: x for k, x in v.items() if k != "start"}, user)
        self._born[int(v["vmid"])] = time.monotonic()
        return upid

    async def _qm_clone(self, v: Mapping[str, Any], user: str) -> Any:
        upid = await super()._qm_clone(v, user)
        self._born[int(v["newid"])] = time.monotonic()
        return upid

    async def _apply_config(self, vm: Any, user: str, p: Mapping[str, Any]) -> None:
        check_keys(urllib.parse.unquote(str(p.get("sshkeys", ""))))
        for key, value in p.items():
            if re.fullmatch(r"net\d+", key):
                self._check_bridge(user, value)
        await super()._apply_config(vm, user, p)

    def _vm(self, request: Any, priv: str | None = None) -> Any:
        """A guest that one may not see is forbidden, whether it exists or not."""
        if priv:
            self.require(request[USER], f"/vms/{request.match_info['vmid']}", priv)
        return super()._vm(request, priv)

    def volume_exists(self, volid: str) -> bool | None:
        """A template that nobody put on a known storage is not there."""
        known = super().volume_exists(volid)
        return False if known is None and str(volid).partition(":")[0] in self.storages else known

    # Checks in the worker: the request got 200, and the task fails.

    async def check_create(self, work: Work) -> None:
        if work.kind != "vzcreate":
            await self.pause(self.vm_secs["create"])
            return
        for key, value in work.values.items():
            if re.fullmatch(r"rootfs|mp\d+", key):
                self._check_disk(work, parse_mount(str(value))["volume"])

    def _check_disk(self, work: Work, text: str) -> None:
        storage, _, size = text.rpartition(":")
        store = self.storages.get(storage or work.values.get("storage"))
        if store is None:
            return
        if not DISK_TEXT.match(f"{storage or '-'}:{size}"):
            self._parse_volname(store, size)
            return
        self.check_space(storage)
        if float(size) * GIB < self.unpacked.get(work.values["ostemplate"], 0):
            self.tasks[work.upid]["log"].append("tar: Cannot write: No space left on device")
            raise TaskError(UNPACK.format(vmid=work.guest.vmid))

    def check_space(self, storage: str) -> None:
        """A full storage takes no disk."""
        store = self.storages.get(storage, {})
        if store.get("avail", 1) > 0:
            return
        if store.get("type") == "lvmthin":
            pool = f"{store['vgname']}/{store['thinpool']}"
            raise TaskError(
                f"lvcreate '{store['vgname']}/vm-disk' error:   Cannot create new thin volume, "
                f"free space in thin pool {pool} reached threshold."
            )
        raise TaskError("unable to create image: No space left on device")

    def check_bridge_exists(self, guest: Any, record: Mapping[str, Any]) -> None:
        for key, value in guest.config.items():
            bridge = split_props(value)[1].get("bridge") if re.fullmatch(r"net\d+", key) else None
            if bridge and bridge not in self.bridges:
                record["log"].append(f"bridge '{bridge}' does not exist")
                if isinstance(guest, FakeCt):
                    raise TaskError(f"startup for container '{guest.vmid}' failed")
                raise TaskError("start failed: QEMU exited with code 1")

    # Answers.

    def known_task(self, upid: str) -> Any:
        """A task by its id, or Proxmox's 400."""
        if not UPID.match(upid):
            raise param_error(upid="unable to parse worker upid")
        if upid not in self.tasks:
            raise param_error(upid="no such task")
        return self.tasks[upid]

    def _get_task(self, request: Any) -> Any:
        task = self.known_task(request.match_info["upid"])
        if not self._task_owner(request[USER], task):
            self.require(request[USER], f"/nodes/{task['node']}", "Sys.Audit")
        return task

    async def _resources(self, request: Any) -> web.Response:
        """The cluster's view lags: a new guest has neither name nor state there for a while, and
        any other one its state of before."""

        def lag(data: list[dict[str, Any]]) -> None:
            for item in data:
                if item.get("status") in ("running", "stopped"):
                    item["status"] = self._status_of_before(item)
                born = self._born.get(item.get("vmid", 0))
                if born and time.monotonic() - born < self.shy_for * self.time_scale:
                    item.update(status="unknown", name=None)

        return edited(await super()._resources(request), lag)

    def _status_of_before(self, item: Mapping[str, Any]) -> str:
        """A state is shown when it has been seen for the time of the lag; all begin stopped."""
        vmid, status, now = int(item["vmid"]), str(item["status"]), time.monotonic()
        shown, seen, since = self._shown.get(vmid, ("stopped", "stopped", now))
        since = since if status == seen else now
        shown = status if now - since >= self.status_lag * self.time_scale else shown
        self._shown[vmid] = shown, status, since
        return shown

    async def _config_get(self, request: Any) -> web.Response:
        """A VM's description has lost its last line's end; a container's always has one."""

        def strip(data: dict[str, Any]) -> None:
            if "description" in data:
                data["description"] = data["description"].rstrip()

        return edited(await super()._config_get(request), strip)

    async def _lxc_config_get(self, user: str, v: Mapping[str, Any]) -> dict[str, Any]:
        data = await super()._lxc_config_get(user, v)
        if data.get("description"):
            data["description"] = data["description"].rstrip("\n") + "\n"
        return data

    # Disks that no configuration names.

    def purge_disks(self, vmid: int, guest: Any) -> None:
        """Free a guest's volumes that its own configuration does not name."""
        named = {str(value).split(",")[0] for value in guest.config.values()}
        for sid, store in self.storages.items():
            for name, volume in list(store.get("volumes", {}).items()):
                if volume.get("vmid") == vmid and f"{sid}:{name}" not in named:
                    self._qm_free(f"{sid}:{name}")


def check_keys(text: str) -> None:
    """Refuse what is no public key, line by line (PVE::Tools::validate_ssh_public_keys)."""
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#") and not _is_key(line.strip()):
            raise PveError(500, "SSH public key validation error")


def _is_key(line: str) -> bool:
    found = KEY_TYPE.match(line)
    if not found:
        return False
    try:
        blob = base64.b64decode(found.group(3), validate=True)
    except binascii.Error:
        return False
    name = found.group(2).encode()
    return blob[4 : 4 + len(name)] == name
