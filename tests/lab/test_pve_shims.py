"""Every shim over fakepve: the lab is right, and bare fakepve is still wrong.

When the second half fails, fakepve has mended the defect and the shim can go.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fakepve
import pytest
from fakepve.certs import make_cert

from tests.lab.hypervisor import NoGuests
from tests.lab.pve import running
from tests.lab.pve_client import KEY, TEMPLATE, VM_TEMPLATE, Client, client, furnish, own_address

TOKEN = "root@pam!bare=secret"


@dataclass(frozen=True)
class Side:
    """One cluster, bare or the lab's, and somebody who asks it."""

    pve: Any
    api: Client


@pytest.fixture
def lab_side() -> Iterator[Side]:
    with running(NoGuests(), address=own_address()) as pve:
        furnish(pve)
        yield Side(pve, client(pve))


@pytest.fixture
def bare_side(tmp_path: Path) -> Iterator[Side]:
    """fakepve as it is, in a thread."""
    pve = fakepve.FakePve(host=own_address())
    pve.time_scale = 0.01
    pve.apitokens["root@pam!bare"] = "secret"
    _furnish_bare(pve)
    certificate, key, _der = make_cert(str(tmp_path), hosts=(pve.host,))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(pve.start(certificate, key), loop).result(60)
        yield Side(pve, Client(pve.url, Path(certificate), TOKEN))
        asyncio.run_coroutine_threadsafe(_end(pve), loop).result(120)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(pve: fakepve.FakePve) -> None:
    await pve.stop()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _furnish_bare(pve: fakepve.FakePve) -> None:
    pve.storages["local"]["volumes"] = {TEMPLATE.partition(":")[2]: {"content": "vztmpl"}}
    disk = {"content": "images", "format": "raw", "size": 3 * 1024**3, "vmid": VM_TEMPLATE}
    pve.storages["local-lvm"]["volumes"] = {f"base-{VM_TEMPLATE}-disk-0": disk}
    config = {"scsi0": f"local-lvm:base-{VM_TEMPLATE}-disk-0,size=3G", "template": 1}
    pve.add_vm(VM_TEMPLATE, "template", config=config, template=True)


@pytest.fixture
def compare(lab_side: Side, bare_side: Side) -> Callable[..., None]:
    """Do the same on both sides and compare what comes out with right and wrong."""

    def compared(act: Callable[[Side], Any], right: Any, shim: str) -> None:
        assert act(lab_side) == right
        assert act(bare_side) != right, (
            f"fakepve {fakepve.__version__} mended this: remove the shim {shim}"
        )

    return compared


def test_the_keys_of_a_container_are_kept(compare: Callable[..., None]) -> None:
    def act(side: Side) -> bool:
        side.api.wait(side.api.container(ssh_public_keys=KEY))
        stored = {**vars(side.pve.ct(120)), "beside": getattr(side.pve, "ssh_keys", None)}
        return KEY in str(stored)

    compare(act, True, "of _lxc_create")


def test_numbers_of_a_vm_stay_numbers(compare: Callable[..., None]) -> None:
    def act(side: Side) -> Any:
        side.api.wait(side.api.clone())
        side.api.put("/nodes/pve1/qemu/200/config", cores=3, onboot=1)
        config = side.api.get("/nodes/pve1/qemu/200/config")
        return config["cores"], config["onboot"]

    compare(act, (3, 1), "of _config_get")


@pytest.mark.parametrize("kind", ["qemu", "lxc"])
def test_a_path_with_a_slash_at_its_end_deletes(compare: Callable[..., None], kind: str) -> None:
    def act(side: Side) -> bool:
        upid = side.api.clone() if kind == "qemu" else side.api.container(200)
        side.api.wait(upid)
        side.api.wait(side.api.delete(f"/nodes/pve1/{kind}/200/"))
        return side.pve.guest(200) is None

    compare(act, True, "WithSlash")


def test_resizing_a_vm_makes_its_disk_larger(compare: Callable[..., None]) -> None:
    def act(side: Side) -> bool:
        side.api.wait(side.api.clone())
        side.api.wait(side.api.put("/nodes/pve1/qemu/200/resize", disk="scsi0", size="+5G"))
        return "size=8G" in side.api.get("/nodes/pve1/qemu/200/config")["scsi0"]

    compare(act, True, "_qm_resize")


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("ide2", "local-lvm:cloudinit", "local-lvm:vm-200-cloudinit,media=cdrom,size=4M"),
        (
            "scsi0",
            "local-lvm:vm-200-disk-0,iothread=1",
            "local-lvm:vm-200-disk-0,iothread=1,size=3G",
        ),
        ("tags", "web;Paas", "paas;web"),
    ],
)
def test_a_vms_settings_are_stored_as_proxmox_writes_them(
    compare: Callable[..., None], key: str, value: str, kept: str
) -> None:
    def act(side: Side) -> Any:
        side.api.wait(side.api.clone())
        side.api.put("/nodes/pve1/qemu/200/config", **{key: value})
        return side.api.get("/nodes/pve1/qemu/200/config")[key]

    compare(act, kept, f"_as_stored for {key}")


def test_a_card_without_an_address_gets_one(compare: Callable[..., None]) -> None:
    def act(side: Side) -> bool:
        side.api.wait(side.api.clone())
        side.api.put("/nodes/pve1/qemu/200/config", net0="virtio,bridge=vmbr0")
        card = side.api.get("/nodes/pve1/qemu/200/config")["net0"]
        return str(card).startswith("virtio=BC:24:11:")

    compare(act, True, "_as_stored for net0")


def test_one_rule_echoes_its_position_as_text(compare: Callable[..., None]) -> None:
    def act(side: Side) -> Any:
        side.api.wait(side.api.container())
        rules = "/nodes/pve1/lxc/120/firewall/rules"
        side.api.post(rules, type="in", action="ACCEPT", enable=1)
        return side.api.get(f"{rules}/0")["pos"]

    compare(act, "0", "_fw_rule_get")


def test_cloud_init_asks_for_its_own_privilege(compare: Callable[..., None]) -> None:
    def act(side: Side) -> Any:
        return side.pve._config_priv("ipconfig0")

    compare(act, "VM.Config.Cloudinit|VM.Config.Network", "_config_priv")


def test_a_destroyed_container_takes_its_firewall_with_it(compare: Callable[..., None]) -> None:
    def act(side: Side) -> Any:
        side.api.wait(side.api.container())
        side.api.put("/nodes/pve1/lxc/120/firewall/options", enable=1)
        side.api.wait(side.api.delete("/nodes/pve1/lxc/120"))
        side.api.wait(side.api.container())
        return side.api.get("/nodes/pve1/lxc/120/firewall/options").get("enable")

    compare(act, None, "_lose")


def test_a_disk_that_nothing_names_is_no_free_name(compare: Callable[..., None]) -> None:
    def act(side: Side) -> Any:
        orphan = {"content": "images", "vmid": 120, "size": 1}
        side.pve.storages["local-lvm"]["volumes"]["vm-120-disk-0"] = orphan
        side.api.wait(side.api.container())
        return side.api.get("/nodes/pve1/lxc/120/config")["rootfs"]

    compare(act, "local-lvm:vm-120-disk-1,size=4G", "_taken_volumes")


def test_destroying_a_container_can_take_unnamed_disks_too(compare: Callable[..., None]) -> None:
    def act(side: Side) -> bool:
        side.api.wait(side.api.container())
        orphan = {"content": "images", "vmid": 120, "size": 1}
        side.pve.storages["local-lvm"]["volumes"]["vm-120-disk-7"] = orphan
        path = "/nodes/pve1/lxc/120"
        side.api.wait(side.api.delete(path, destroy_unreferenced_disks=1))
        return "vm-120-disk-7" in side.pve.storages["local-lvm"]["volumes"]

    compare(act, False, "_lxc_destroy")


def test_a_task_that_breaks_ends(compare: Callable[..., None]) -> None:
    async def broken() -> None:
        raise ValueError("a broken body")

    def act(side: Side) -> bool:
        async def begin() -> str:
            return str(await side.pve.task("pve1", "vzstart", "120", "root@pam", broken))

        upid = _run_on(side, begin())
        seen = side.api.get("/nodes/pve1/tasks", source="all")
        ended = [task for task in seen if task["upid"] == upid and "endtime" in task]
        return len(ended) == 1

    compare(act, True, "Tasks._watched")


def _run_on(side: Side, work: Any) -> Any:
    """Run a coroutine where the side's server runs, and let what it began go on."""
    runner = side.pve.runner
    loop = runner.server._loop

    async def then_settled() -> Any:
        result = await work
        for _ in range(10):
            await asyncio.sleep(0)
        return result

    return asyncio.run_coroutine_threadsafe(then_settled(), loop).result(60)


def test_running_tasks_are_listed_only_when_asked_for(compare: Callable[..., None]) -> None:
    def act(side: Side) -> Any:
        side.pve.ct_secs["create"] = 10000
        side.api.container()
        plain = [task["type"] for task in side.api.get("/nodes/pve1/tasks")]
        active = [task["status"] for task in side.api.get("/nodes/pve1/tasks", source="active")]
        return plain, active

    def act_bare(side: Side) -> Any:
        try:
            return act(side)
        except KeyError:
            return "a running task without a state"

    compare(act_bare, ([], ["RUNNING"]), "_task_list")
