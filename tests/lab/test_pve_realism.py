"""Where the lab is as strict, and words things, as the real API was measured to."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.lab.hypervisor import NoGuests
from tests.lab.pve import LabPve, running
from tests.lab.pve_client import KEY, TEMPLATE, Client, client, furnish, own_address


@pytest.fixture
def pve() -> Iterator[LabPve]:
    with running(NoGuests(), address=own_address()) as made:
        furnish(made)
        yield made


@pytest.fixture
def api(pve: LabPve) -> Client:
    return client(pve)


def test_a_401_has_its_text_in_the_reason_only(pve: LabPve) -> None:
    answer = client(pve, "paas@pve!gone=secret").ask("GET", "/version")
    assert (answer.status_code, answer.reason, answer.content) == (
        401,
        "authentication failure",
        b"",
    )


def test_an_unknown_path_is_not_implemented(api: Client) -> None:
    answer = api.ask("GET", "/nosuch")
    assert (answer.status_code, answer.reason) == (501, "Method 'GET /nosuch' not implemented")


def test_messages_are_reasons_too_and_bodies_end_in_a_newline(api: Client) -> None:
    api.wait(api.container())
    answer = api.ask("POST", "/nodes/pve1/lxc/120/status/stop")
    assert (answer.status_code, answer.reason) == (500, "CT 120 not running")
    assert answer.json()["message"] == "CT 120 not running\n"


def test_an_unknown_task_is_a_wrong_parameter(api: Client) -> None:
    upid = api.container()
    gone = upid.replace("vzcreate", "vzdestroy")
    answer = api.ask("GET", f"/nodes/pve1/tasks/{gone}/status")
    assert answer.status_code == 400
    assert answer.json()["errors"] == {"upid": "no such task"}
    assert api.ask("GET", "/nodes/pve1/tasks/UPID:x/status").json()["errors"] == {
        "upid": "unable to parse worker upid"
    }


def test_an_unknown_storage_is_refused_at_once(api: Client) -> None:
    usual = {"ostemplate": TEMPLATE, "rootfs": "nosuch:4"}
    answer = api.ask("POST", "/nodes/pve1/lxc", vmid=120, **usual)
    assert (answer.status_code, answer.reason) == (500, "storage 'nosuch' does not exist")


def test_a_taken_vmid_is_refused(api: Client) -> None:
    api.wait(api.container())
    usual = {"ostemplate": TEMPLATE, "rootfs": "local-lvm:4"}
    answer = api.ask("POST", "/nodes/pve2/lxc", vmid=120, **usual)
    assert answer.reason == "CT 120 already exists on node 'pve1'"


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        (
            {"ostemplate": "local:vztmpl/nosuch.tar.zst"},
            "unable to create CT 120 - volume 'local:vztmpl/nosuch.tar.zst' does not exist",
        ),
        (
            {"rootfs": "local-lvm:8G"},
            "unable to create CT 120 - unable to parse lvm volume name '8G'",
        ),
    ],
)
def test_some_creates_fail_only_in_their_task(
    pve: LabPve, api: Client, changes: dict[str, str], ending: str
) -> None:
    assert api.wait(api.container(**changes)) == ending
    assert pve.guest(120) is None


def test_too_small_a_disk_fails_in_the_task_and_says_why_in_its_log(
    pve: LabPve, api: Client
) -> None:
    pve.add_lxc_template("local:vztmpl/big.tar.zst", unpacked_mb=5000)
    ending = api.wait(api.container(ostemplate="local:vztmpl/big.tar.zst"))
    assert ending.startswith("unable to create CT 120 - command 'lxc-usernsexec")
    assert ending.endswith("failed: exit code 2")
    assert any("No space left on device" in line for line in pve.task_log("vzcreate")[0]["log"])


def test_an_unknown_bridge_shows_when_the_guest_starts(pve: LabPve, api: Client) -> None:
    assert api.wait(api.container(net0="name=eth0,bridge=vmbr9,ip=dhcp")) == "OK"
    upid = api.post("/nodes/pve1/lxc/120/status/start")
    assert api.wait(upid) == "startup for container '120' failed"
    assert "bridge 'vmbr9' does not exist" in pve.task_log("vzstart")[0]["log"]
    api.wait(api.clone())
    api.put("/nodes/pve1/qemu/200/config", net0="virtio,bridge=vmbr9")
    ended = api.wait(api.post("/nodes/pve1/qemu/200/status/start"))
    assert ended == "start failed: QEMU exited with code 1"


def test_a_create_with_start_keeps_a_container_that_does_not_start(
    pve: LabPve, api: Client
) -> None:
    pve.faults.task_error("start", "startup for container '120' failed")
    assert api.wait(api.container(start=1)) == "OK"
    [start] = pve.task_log("vzstart")
    assert api.wait(start["upid"]) == "startup for container '120' failed"
    assert api.get("/nodes/pve1/lxc/120/status/current")["status"] == "stopped"


@pytest.mark.parametrize("key", ["nonsense", "ssh-ed25519 AAAA me", "ssh-rsa " + KEY.split()[1]])
def test_malformed_keys_are_refused(api: Client, key: str) -> None:
    usual = {"ostemplate": TEMPLATE, "rootfs": "local-lvm:4"}
    answer = api.ask("POST", "/nodes/pve1/lxc", vmid=120, ssh_public_keys=key, **usual)
    assert (answer.status_code, answer.reason) == (500, "SSH public key validation error")
    api.wait(api.clone())
    answer = api.ask("PUT", "/nodes/pve1/qemu/200/config", sshkeys=quote(key, safe=""))
    assert answer.reason == "SSH public key validation error"


def test_the_clusters_view_of_a_new_guest_lags(pve: LabPve, api: Client) -> None:
    pve.shy_for = 100_000.0
    api.wait(api.container(tags="paas", start=1))
    [start] = pve.task_log("vzstart")
    assert api.wait(start["upid"]) == "OK"
    [guest] = [item for item in api.get("/cluster/resources") if item.get("vmid") == 120]
    assert (guest["status"], guest["name"], guest["tags"]) == ("unknown", None, "paas")
    [listed] = api.get("/nodes/pve1/lxc")
    assert (listed["name"], listed["status"]) == ("app-1", "running")
    pve.shy_for = 0.0
    [guest] = [item for item in api.get("/cluster/resources") if item.get("vmid") == 120]
    assert (guest["status"], guest["name"]) == ("running", "app-1")


def test_descriptions_end_as_proxmox_ends_them(api: Client) -> None:
    api.wait(api.container(description="marker"))
    api.wait(api.clone(description="marker\n"))
    assert api.get("/nodes/pve1/lxc/120/config")["description"] == "marker\n"
    assert api.get("/nodes/pve1/qemu/200/config")["description"] == "marker"


def test_during_a_create_the_configuration_is_a_lock(pve: LabPve, api: Client) -> None:
    pve.faults.task_hang("create")
    upid = api.container(description="marker", tags="paas")
    pve.faults.wait_hanging("create")
    config = api.get("/nodes/pve1/lxc/120/config")
    assert config.keys() - {"digest"} == {"lock"}
    assert config["lock"] == "create"
    pve.faults.release()
    assert api.wait(upid) == "OK"
    assert "lock" not in api.get("/nodes/pve1/lxc/120/config")


def test_during_a_clone_only_the_vmid_tells_whose_it_is(pve: LabPve, api: Client) -> None:
    pve.faults.task_hang("clone")
    upid = api.clone(description="marker", pool="paas")
    pve.faults.wait_hanging("clone")
    config = api.get("/nodes/pve1/qemu/200/config")
    assert config.keys() - {"digest"} == {"lock"}
    assert config["lock"] == "clone"
    assert [vm["name"] for vm in api.get("/nodes/pve1/qemu") if vm["vmid"] == 200] == ["VM 200"]
    pve.faults.release()
    assert api.wait(upid) == "OK"
    config = api.get("/nodes/pve1/qemu/200/config")
    assert (config["name"], config["description"]) == ("app-2", "marker")


def test_a_clone_is_booked_under_its_template(api: Client) -> None:
    upid = api.clone()
    api.wait(upid)
    assert upid.split(":")[5:7] == ["qmclone", "9000"]
    assert [task["id"] for task in api.get("/nodes/pve1/tasks", vmid=9000)] == ["9000"]
    assert api.get("/nodes/pve1/tasks", vmid=200) == []


def test_one_clone_of_a_template_at_a_time(pve: LabPve, api: Client) -> None:
    pve.vm_secs["clone"] = 1000.0
    pve.lock_wait = 1
    first, second = api.clone(200), api.clone(201)
    locked = "clone failed: can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout"
    assert api.wait(second) == locked
    assert pve.guest(201) is None
    assert api.wait(first) == "OK"


LOCKED = "CT is locked (backup)"


@pytest.mark.parametrize(
    ("method", "path", "values"),
    [
        ("PUT", "/config", {"memory": 256}),
        ("PUT", "/resize", {"disk": "rootfs", "size": "9G"}),
        ("DELETE", "", {}),
        ("DELETE", "", {"force": 1}),
    ],
)
def test_a_locked_guest_refuses_changes(
    pve: LabPve, api: Client, method: str, path: str, values: dict[str, object]
) -> None:
    api.wait(api.container())
    pve.faults.lock(120, "backup")
    answer = api.ask(method, f"/nodes/pve1/lxc/120{path}", **values)
    assert (answer.status_code, answer.reason) == (500, LOCKED)


def test_a_locked_guest_fails_power_tasks(pve: LabPve, api: Client) -> None:
    api.wait(api.container())
    pve.faults.lock(120, "backup")
    assert api.wait(api.post("/nodes/pve1/lxc/120/status/start")) == LOCKED
    assert api.wait(api.post("/nodes/pve1/lxc/120/snapshot", snapname="before")) == LOCKED
    pve.unlock(120)
    assert api.wait(api.post("/nodes/pve1/lxc/120/status/start")) == "OK"


def test_a_running_container_is_destroyed_only_by_force(pve: LabPve, api: Client) -> None:
    api.wait(api.container())
    api.wait(api.post("/nodes/pve1/lxc/120/status/start"))
    answer = api.ask("DELETE", "/nodes/pve1/lxc/120")
    assert answer.reason == "unable to destroy CT 120 - container is running"
    assert api.wait(api.delete("/nodes/pve1/lxc/120", force=1)) == "OK"
    assert pve.guest(120) is None


def test_a_killed_create_leaves_a_lock_and_then_a_disk(pve: LabPve, api: Client) -> None:
    pve.faults.task_hang("create")
    upid = api.container()
    pve.faults.wait_hanging("create")
    assert pve.faults.kill_task("create") == 1
    assert api.wait(upid) == "unexpected status"
    assert api.ask("DELETE", "/nodes/pve1/lxc/120").reason == "CT is locked (create)"
    pve.unlock(120)
    api.wait(api.delete("/nodes/pve1/lxc/120"))
    content = "/nodes/pve1/storage/local-lvm/content"
    assert api.get(content, content="rootdir") == []
    assert "local-lvm:vm-120-disk-0" in [volume["volid"] for volume in api.get(content)]
    api.wait(api.container())
    api.wait(api.delete("/nodes/pve1/lxc/120", destroy_unreferenced_disks=1))
    assert [volume for volume in api.get(content) if volume["vmid"] == 120] == []


@pytest.mark.parametrize("kind", ["create", "clone"])
def test_an_aborted_task_cleans_up(pve: LabPve, api: Client, kind: str) -> None:
    pve.faults.task_hang(kind)
    upid = api.container(200) if kind == "create" else api.clone(200)
    pve.faults.wait_hanging(kind)
    api.delete(f"/nodes/pve1/tasks/{upid}")
    assert api.wait(upid).endswith("received interrupt")
    assert pve.guest(200) is None
    content = api.get("/nodes/pve1/storage/local-lvm/content")
    assert [volume for volume in content if volume["vmid"] == 200] == []


def test_a_disk_never_shrinks(api: Client) -> None:
    api.wait(api.clone())
    upid = api.put("/nodes/pve1/qemu/200/resize", disk="scsi0", size="1G")
    assert api.wait(upid) == "shrinking disks is not supported"


def test_a_card_needs_the_right_to_its_bridge(pve: LabPve, api: Client) -> None:
    api.wait(api.clone())
    pve.add_role("networks", ["VM.Config.Network"])
    token = pve.add_token("paas@pve", "t", separate=False)
    pve.grant("/vms", "paas@pve", "networks")
    answer = client(pve, token).ask(
        "PUT", "/nodes/pve1/qemu/200/config", net0="virtio,bridge=vmbr0"
    )
    wanted = "Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)"
    assert answer.reason == wanted


def test_bridges_and_capacities_are_told(pve: LabPve, api: Client) -> None:
    pve.bridges.add("vmbr1")
    pve.set_capacity("pve2", cores=16, memory=65536, memory_used=1024, load=0.5)
    assert [item["iface"] for item in api.get("/nodes/pve1/network", type="bridge")] == [
        "vmbr0",
        "vmbr1",
    ]
    for place in ("/nodes", "/cluster/resources"):
        [node] = [item for item in api.get(place) if item["id"] == "node/pve2"]
        assert (node["maxcpu"], node["maxmem"], node["cpu"]) == (16, 65536 * 1024**2, 0.5)


def test_tasks_of_the_whole_cluster_are_listed(pve: LabPve, api: Client) -> None:
    api.wait(api.container())
    pve.faults.task_hang("start")
    running_one = api.post("/nodes/pve1/lxc/120/status/start")
    seen = {task["upid"]: task.get("status") for task in api.get("/cluster/tasks")}
    assert seen[running_one] is None
    assert "OK" in seen.values()
