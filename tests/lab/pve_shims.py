"""Mends what fakepve 0.5.0 does wrong. Each shim has a test that also shows the defect.

That test fails when fakepve has mended it, and says which shim is no longer needed.
"""

import re
from collections.abc import Mapping
from typing import Any

from fakepve import schema
from fakepve.lxc import format_size, normalise, parse_size
from fakepve.model import PveError, TaskError
from fakepve.qemu import DRIVE_KEY, join_drive, split_drive, volume_ref, with_mac

from tests.lab.pve_answers import edited

CONFIG = "/nodes/{node}/qemu/{vmid}/config"
CLOUD_INIT_BYTES = 4 * 1024**2
CLOUD_INIT_KEYS = ("cicustom", "cipassword", "citype", "ciuser", "ciupgrade", "sshkeys")
CLOUD_INIT_KEYS_TOO = ("nameserver", "searchdomain")


class WithSlash:
    """A router that registers every path once more with a slash at its end."""

    def __init__(self, router: Any) -> None:
        self._router = router

    def add_route(self, method: str, path: str, handler: Any) -> None:
        self._router.add_route(method, f"{path}/", handler)


class Shims:
    """Mixin: one group of methods for each defect."""

    # A container's keys are dropped.

    async def _lxc_create(self, user: str, v: Mapping[str, Any]) -> Any:
        upid = await super()._lxc_create(user, v)
        self.ssh_keys[int(v["vmid"])] = v.get("ssh-public-keys") or ""
        return upid

    # Numbers of a VM's configuration come back as the strings they were sent as.

    async def _config_get(self, request: Any) -> Any:
        def numbers(data: dict[str, Any]) -> None:
            for key in data.keys() & integer_keys():
                if re.fullmatch(r"-?\d+", str(data[key])):
                    data[key] = int(data[key])

        return edited(await super()._config_get(request), numbers)

    # A path with a slash at its end is answered with an invented result, and nothing happens.

    def _register_stateful(self, router: Any, prefixes: Any) -> None:
        super()._register_stateful(router, prefixes)
        super()._register_stateful(WithSlash(router), prefixes)

    def _lxc_routes(self, router: Any, node: str) -> None:
        super()._lxc_routes(router, node)
        super()._lxc_routes(WithSlash(router), node)

    # Resizing a VM's disk does nothing.

    def _routes_resize(self) -> list[tuple[str, str, Any]]:
        return [("PUT", "/nodes/{node}/qemu/{vmid}/resize", self._qm_resize)]

    async def _qm_resize(self, v: Mapping[str, Any], user: str) -> str:
        vm = self.find(v["node"], v["vmid"])
        self._check_lock(vm)
        disk, text = v["disk"], str(v["size"])

        async def body() -> None:
            if disk not in vm.config:
                raise TaskError(f"disk '{disk}' does not exist")
            volume, props = split_drive(vm.config[disk])
            old, new = parse_size(props.get("size", "0")) or 0, parse_size(text.lstrip("+")) or 0
            new = old + new if text.startswith("+") else new
            if new < old:
                raise TaskError("shrinking disks is not supported")
            await self.pause(self.vm_secs["resize"])
            vm.config[disk] = join_drive(volume, {**props, "size": format_size(new)})
            if stored := self._qm_volume(volume):
                stored["size"] = new

        return await self.task(vm.node, "resize", vm.vmid, user, body, vm=vm)

    # A VM's drives, cards and tags are stored as they were sent.

    async def _apply_config(self, vm: Any, user: str, p: Mapping[str, Any]) -> None:
        self._check_lock(vm)
        made: list[str] = []
        try:
            changes = {key: self._as_stored(vm, key, value, made) for key, value in p.items()}
            await super()._apply_config(vm, user, changes)
        except (PveError, TaskError):
            for volume in made:
                self._qm_free(volume)
            raise

    def _as_stored(self, vm: Any, key: str, value: Any, made: list[str]) -> Any:
        if re.fullmatch(r"net\d+", key):
            return with_mac(value)
        if key == "tags":
            return normalise("tags", value)
        if not DRIVE_KEY.match(key):
            return value
        volume, _props = split_drive(value)
        if volume.endswith(":cloudinit"):
            return self._cloud_init(vm, volume_ref(volume)[0], made)
        value, volumes = self._qm_new_drive(vm.vmid, key, value, None)
        made.extend(volumes)
        return value

    def _cloud_init(self, vm: Any, storage: str, made: list[str]) -> str:
        store = self._store(storage)
        name = f"vm-{vm.vmid}-cloudinit"
        if store["type"] == "dir":
            name = f"{vm.vmid}/{name}.qcow2"
        volumes = store.setdefault("volumes", {})
        if name not in volumes:
            owned = {"content": "images", "format": "raw", "vmid": vm.vmid, "ctime": 0}
            volumes[name] = {**owned, "size": CLOUD_INIT_BYTES}
            made.append(f"{storage}:{name}")
        return join_drive(f"{storage}:{name}", {"media": "cdrom", "size": "4M"})

    # A single firewall rule's position is a number, where Proxmox echoes the text of the path.

    async def _fw_rule_get(self, scope: str, v: Mapping[str, Any], user: str) -> dict[str, Any]:
        rule = await super()._fw_rule_get(scope, v, user)
        return {**rule, "pos": str(rule["pos"])}

    # Cloud-init settings ask for the privilege of hardware, cards for none on their bridge.

    def _config_priv(self, key: str) -> str:
        if key in CLOUD_INIT_KEYS + CLOUD_INIT_KEYS_TOO or re.fullmatch(r"ipconfig\d+", key):
            return "VM.Config.Cloudinit|VM.Config.Network"
        return super()._config_priv(key)

    # A destroyed container leaves its firewall, a killed one its disk, though the request says
    # that disks which no configuration names shall go as well.

    async def _lxc_destroy(self, user: str, v: Mapping[str, Any]) -> Any:
        if v.get("destroy-unreferenced-disks"):
            self.purge_disks(int(v["vmid"]), self._find_ct(v["node"], v["vmid"]))
        return await super()._lxc_destroy(user, v)

    def _taken_volumes(self) -> set[str]:
        stored = {
            f"{sid}:{name}" for sid, s in self.storages.items() for name in s.get("volumes", {})
        }
        return set(super()._taken_volumes()) | stored


def integer_keys() -> set[str]:
    """The keys of a VM's configuration that are numbers in the API's schema."""
    properties = schema.load().paths[CONFIG]["GET"]["returns"]["properties"]
    return {key for key, info in properties.items() if info.get("type") in ("integer", "boolean")}
