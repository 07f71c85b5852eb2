"""The cluster around the guests: what nodes have, what runs on them, whose firewall changed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from fakepve.model import PveError
from fakepve.server import USER, params

from tests.lab.hypervisor import HypervisorError
from tests.lab.pve_answers import edited


class Cluster:
    """Mixin: bridges, capacities, lists of tasks, and a firewall that reaches the guests."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.capacities: dict[str, dict[str, float]] = {}
        self.firewall_config("cluster")["options"]["enable"] = 1

    def set_capacity(
        self,
        node: str,
        *,
        cores: int | None = None,
        memory: int | None = None,
        memory_used: int | None = None,
        load: float | None = None,
    ) -> None:
        """What a node says it has: memory in MB, ``load`` from 0 to 1 of all its cores."""
        told = {
            "maxcpu": cores,
            "maxmem": memory and memory * 1024**2,
            "mem": memory_used and memory_used * 1024**2,
            "cpu": load,
        }
        known = {key: value for key, value in told.items() if value is not None}
        self.capacities.setdefault(node, {}).update(known)

    def _with_capacities(self, response: web.Response) -> web.Response:
        def fill(data: list[dict[str, Any]]) -> None:
            for item in data:
                if item.get("type") == "node" and "maxmem" in item:
                    item.update(self.capacities.get(item["node"], {}))

        return edited(response, fill)

    async def _nodes(self, request: Any) -> web.Response:
        return self._with_capacities(await super()._nodes(request))

    async def _resources(self, request: Any) -> web.Response:
        """Nodes and storages only for those who may see them."""

        def visible(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [item for item in data if self._may_see(request[USER], item)]

        return edited(self._with_capacities(await super()._resources(request)), visible)

    def _may_see(self, user: str, item: Mapping[str, Any]) -> bool:
        if item["type"] == "storage":
            return self._can_audit(user, item["storage"])
        return item["type"] != "node" or self.allowed(user, f"/nodes/{item['node']}", "Sys.Audit")

    def _routes_lab(self) -> list[tuple[str, str, Any]]:
        return [
            ("GET", "/nodes/{node}/network", self._network),
            ("GET", "/cluster/tasks", self._cluster_tasks),
        ]

    async def _network(self, v: Mapping[str, Any], user: str) -> list[dict[str, Any]]:
        if v.get("type") not in (None, "bridge", "any_bridge", "any_local_bridge", "include_sdn"):
            return []
        return [
            {"iface": name, "type": "bridge", "active": 1, "autostart": 1, **self._numbers(name)}
            for name in sorted(self.bridges)
            if self.allowed(user, f"/sdn/zones/localnetwork/{name}", "SDN.Audit|SDN.Use")
        ]

    def _numbers(self, bridge: str) -> dict[str, str]:
        """A node's own address on a bridge; one that only joins guests has none."""
        if bridge not in self.networks:
            return {"method": "manual"}
        cidr, gateway = self.networks[bridge]
        address, _, netmask = cidr.partition("/")
        given = {"cidr": cidr, "address": address, "netmask": netmask, "gateway": gateway}
        return {"method": "static", **given}

    # Tasks: those that ended unless one asks for the active ones.

    async def backup_of_several(self, vmids: Sequence[int], secs: float) -> str:
        """A backup job of several guests of one node: its task has none of their numbers."""
        guests = [self.guest(vmid) for vmid in vmids]

        for guest in guests:
            guest.lock = guest.config["lock"] = "backup"

        async def body() -> str:
            try:
                await self.pause(secs)
            finally:
                for guest in guests:
                    guest.lock = None
                    guest.config.pop("lock", None)
            return "INFO: Backup job finished successfully"

        return str(await self.task(guests[0].node, "vzdump", "", "root@pam", body))

    async def _task_list(self, request: Any) -> web.Response:
        p = self._verify(request, await params(request))
        user, node = request[USER], request.match_info["node"]
        audit = self.allowed(user, f"/nodes/{node}", "Sys.Audit")
        found = [
            self._listed_task(task)
            for task in reversed(self.tasklog)
            if task["node"] == node and (audit or self._task_owner(user, task)) and _wanted(task, p)
        ]
        start = p.get("start", 0)
        return web.json_response({"data": found[start : start + p.get("limit", 50)]})

    async def _cluster_tasks(self, v: Mapping[str, Any], user: str) -> list[dict[str, Any]]:
        audit = self.allowed(user, "/", "Sys.Audit")
        seen = [t for t in reversed(self.tasklog) if audit or self._task_owner(user, t)]
        return [self._task_view(task, True) for task in seen]

    def _listed_task(self, task: Mapping[str, Any]) -> dict[str, Any]:
        return {"status": "RUNNING", **self._task_view(task, True)}

    # A firewall's changes are no tasks.

    def _routes_firewall(self) -> list[tuple[str, str, Any]]:
        return [
            (method, path, call if method == "GET" else self._then_walls(call))
            for method, path, call in super()._routes_firewall()
        ]

    def _then_walls(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def changing(v: Mapping[str, Any], user: str) -> Any:
            data = await call(v, user)
            vmids = [int(v["vmid"])] if "vmid" in v else list(self.made)
            guests = [guest for guest in map(self.guest, vmids) if guest is not None]
            try:
                await asyncio.gather(*(self.wall(guest) for guest in guests))
            except HypervisorError as error:
                raise PveError(500, str(error)) from error
            return data

        return changing

    # Addresses as the guests have them.

    async def _agent_call(self, match: Any, values: Mapping[str, Any]) -> Any:
        vm = self.find(values["node"], values["vmid"])
        if vm.vmid in self.made:
            vm.agent = await self._agent_state(vm)
        return await super()._agent_call(match, values)

    async def _agent_state(self, vm: Any) -> dict[str, Any] | None:
        """The agent answers in a running guest that has one, unless it is told to be silent."""
        first = str(vm.config.get("agent", "0")).split(",")[0]
        addresses = await self.addresses(vm.vmid)
        if first.removeprefix("enabled=") != "1" or not addresses or self.faults.silent(vm.vmid):
            return None
        listed = [
            {"ip-address": a.split("/")[0], "ip-address-type": "ipv4", "prefix": _prefix(a)}
            for a in addresses
        ]
        mac = self.config_of(vm).mac.lower()
        return {"interfaces": [{"name": "eth0", "hardware-address": mac, "ip-addresses": listed}]}

    async def _lxc_interfaces(self, user: str, v: Mapping[str, Any]) -> Any:
        found = await super()._lxc_interfaces(user, v)
        addresses = await self.addresses(int(v["vmid"]))
        for item in found or []:
            if item["name"] != "lo" and addresses:
                item["inet"] = addresses[0]
                item["ip-addresses"] = [
                    {
                        "ip-address-type": "inet",
                        "ip-address": a.split("/")[0],
                        "prefix": str(_prefix(a)),
                    }
                    for a in addresses
                ]
        return found


def _prefix(address: str) -> int:
    return int(address.partition("/")[2])


def _wanted(task: Mapping[str, Any], p: Mapping[str, Any]) -> bool:
    running = task["status"] == "running"
    source = p.get("source") or "archive"
    if source != "all" and running != (source == "active"):
        return False
    if p.get("errors") and task.get("exitstatus") == "OK":
        return False
    if p.get("since") and task["starttime"] < p["since"]:
        return False
    if p.get("userfilter") and p["userfilter"] not in task["user"]:
        return False
    if p.get("typefilter") and p["typefilter"] != task["type"]:
        return False
    return p.get("vmid") is None or task["id"] == str(p["vmid"])
