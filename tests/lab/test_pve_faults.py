"""Faults on demand: each does what it says, and ``clear`` ends it."""

import time
from collections.abc import Iterator

import pytest
import requests

from tests.lab.hypervisor import NoGuests
from tests.lab.pve import LabPve, running
from tests.lab.pve_answers import Request
from tests.lab.pve_client import Client, client, furnish, own_address


@pytest.fixture
def below() -> NoGuests:
    return NoGuests()


@pytest.fixture
def pve(below: NoGuests) -> Iterator[LabPve]:
    with running(below, address=own_address()) as made:
        furnish(made)
        yield made


@pytest.fixture
def api(pve: LabPve) -> Client:
    return client(pve)


def test_a_request_fails_as_often_as_wanted(pve: LabPve, api: Client) -> None:
    pve.faults.fail("GET", "/nodes/*/lxc", 596, "Broken pipe", times=2)
    for _ in range(2):
        answer = api.ask("GET", "/nodes/pve1/lxc")
        assert (answer.status_code, answer.reason) == (596, "Broken pipe")
    assert api.get("/nodes/pve1/lxc") == []
    pve.faults.fail("*", "*", 500, "boom", body={"data": 7}, times=None)
    assert api.ask("DELETE", "/nodes/pve1/lxc/1").json() == {"data": 7}
    pve.faults.clear()
    assert api.get("/nodes/pve1/lxc") == []


def test_a_connection_is_dropped_before_or_after(pve: LabPve, api: Client, below: NoGuests) -> None:
    pve.faults.drop("/nodes/pve1/lxc", method="POST")
    with pytest.raises(requests.ConnectionError):
        api.container(120)
    assert pve.guest(120) is None
    pve.faults.drop("/nodes/pve1/lxc", method="POST", lose_answer=True)
    with pytest.raises(requests.ConnectionError):
        api.container(120)
    api.wait(pve.task_log("vzcreate")[0]["upid"])
    assert 120 in below.guests


def test_a_flaky_network_loses_the_same_share_again(pve: LabPve, api: Client) -> None:
    def lost() -> list[int]:
        pve.faults.flaky(seed=4, rate=0.5)
        missing = []
        for number in range(12):
            try:
                api.get("/version")
            except requests.ConnectionError:
                missing.append(number)
        pve.faults.clear()
        return missing

    first = lost()
    assert 0 < len(first) < 12
    assert lost() == first


def test_a_slow_request_is_answered_all_the_same(pve: LabPve, api: Client) -> None:
    pve.faults.slow("/version", 0.05)
    assert api.get("/version")["version"]


def test_somebody_acts_just_before_a_request(pve: LabPve, api: Client) -> None:
    seen: list[Request] = []

    def take(request: Request) -> None:
        seen.append(request)
        pve.faults.occupy(120, "qemu")

    pve.faults.on_request("/nodes/*/lxc", take, method="POST")
    answer = api.ask("POST", "/nodes/pve1/lxc", vmid=120, ostemplate="local:vztmpl/x.tar.zst")
    assert answer.reason == "VM 120 already exists on node 'pve1'"
    assert (seen[0].method, seen[0].path, seen[0].token) == (
        "POST",
        "/nodes/pve1/lxc",
        "root@pam!lab",
    )


@pytest.mark.parametrize("action", ["start", "stop", "shutdown", "reboot"])
def test_power_tasks_fail(pve: LabPve, api: Client, action: str) -> None:
    api.wait(api.container())
    if action != "start":
        api.wait(api.post("/nodes/pve1/lxc/120/status/start"))
    pve.faults.task_error(action, "it broke")
    assert api.wait(api.post(f"/nodes/pve1/lxc/120/status/{action}")) == "it broke"
    assert api.wait(api.post(f"/nodes/pve1/lxc/120/status/{action}")) == "OK"


def test_a_create_fails_and_leaves_nothing(pve: LabPve, api: Client, below: NoGuests) -> None:
    pve.faults.task_error("create", "it broke")
    assert api.wait(api.container()) == "unable to create CT 120 - it broke"
    pve.faults.task_error("qmclone", "it broke")
    assert api.wait(api.clone()) == "clone failed: it broke"
    assert (pve.guest(120), pve.guest(200), below.guests) == (None, None, {})


def test_a_destroy_fails_and_leaves_everything(pve: LabPve, api: Client, below: NoGuests) -> None:
    api.wait(api.container())
    pve.faults.task_error("destroy", "it broke")
    assert api.wait(api.delete("/nodes/pve1/lxc/120")) == "it broke"
    assert 120 in below.guests
    assert pve.guest(120) is not None


def test_a_hanging_task_goes_on_when_it_is_released(pve: LabPve, api: Client) -> None:
    pve.faults.task_hang("start")
    api.wait(api.container())
    upid = api.post("/nodes/pve1/lxc/120/status/start")
    pve.faults.wait_hanging("start")
    assert api.get(f"/nodes/pve1/tasks/{upid}/status")["status"] == "running"
    pve.faults.clear()
    assert api.wait(upid) == "OK"


def test_a_node_is_away_and_comes_back(pve: LabPve, api: Client) -> None:
    api.wait(api.container())
    pve.shy_for = 0.0
    pve.faults.offline("pve1")
    answer = api.ask("GET", "/nodes/pve1/lxc")
    assert (answer.status_code, answer.reason, answer.content) == (595, "No route to host", b"")
    [guest] = [item for item in api.get("/cluster/resources") if item.get("vmid") == 120]
    assert guest["status"] == "unknown"
    pve.faults.online("pve1")
    assert len(api.get("/nodes/pve1/lxc")) == 1


def test_without_quorum_only_reading_works(pve: LabPve, api: Client) -> None:
    pve.faults.no_quorum()
    usual = {"ostemplate": "local:vztmpl/debian-12.tar.zst", "rootfs": "local-lvm:4"}
    answer = api.ask("POST", "/nodes/pve1/lxc", vmid=120, **usual)
    assert answer.reason == "cluster not ready - no quorum?"
    assert api.get("/nodes/pve1/lxc") == []
    pve.faults.quorum()
    assert api.wait(api.container()) == "OK"


def test_a_full_storage_takes_no_disk(pve: LabPve, api: Client) -> None:
    pve.faults.storage_full("local-lvm")
    assert "reached threshold" in api.wait(api.container())
    assert "No space left on device" in api.wait(api.clone())
    status = api.get("/nodes/pve1/storage/local-lvm/status")
    assert status["avail"] == 0
    pve.faults.clear()
    assert api.wait(api.container()) == "OK"


def test_nobody_listens_and_tasks_go_on(pve: LabPve, api: Client, below: NoGuests) -> None:
    pve.faults.task_hang("create")
    upid = api.container()
    pve.faults.wait_hanging("create")
    pve.faults.unreachable()
    with pytest.raises(requests.ConnectionError):
        api.get("/version")
    pve.faults.release()
    pve.faults.reachable()
    assert api.wait(upid) == "OK"
    assert 120 in below.guests


def test_the_door_closes_in_the_middle_of_a_request(pve: LabPve, api: Client) -> None:
    pve.faults.on_request("/version", lambda request: pve.faults.unreachable())

    def keep_asking() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            api.get("/version")

    with pytest.raises(requests.ConnectionError):
        keep_asking()
    pve.faults.clear()
    assert api.get("/version")["version"]


def test_a_revoked_token_is_unknown_until_the_end(pve: LabPve) -> None:
    token = pve.add_token("paas@pve", "t")
    pve.faults.revoke(token)
    assert client(pve, token).ask("GET", "/version").status_code == 401
    pve.faults.clear()
    assert client(pve, token).ask("GET", "/version").status_code == 200


def test_a_guest_is_elsewhere(pve: LabPve, api: Client) -> None:
    api.wait(api.container())
    pve.faults.move(120, "pve2")
    missing = api.ask("GET", "/nodes/pve1/lxc/120/config").reason
    assert missing == "Configuration file 'nodes/pve1/lxc/120.conf' does not exist"
    assert api.get("/nodes/pve2/lxc/120/config")["hostname"] == "app-1"


def test_a_guest_changes_stops_and_goes_behind_ones_back(
    pve: LabPve, api: Client, below: NoGuests
) -> None:
    api.wait(api.clone())
    api.wait(api.post("/nodes/pve1/qemu/200/status/start"))
    pve.faults.change_behind(200, memory=2048, name="other")
    assert (below.guests[200].memory, below.guests[200].hostname) == (2048, "other")
    pve.faults.stop_behind(200)
    assert below.running == set()
    assert api.get("/nodes/pve1/qemu/200/status/current")["status"] == "stopped"
    pve.faults.remove_behind(200)
    assert below.guests == {}
    content = api.get("/nodes/pve1/storage/local-lvm/content")
    assert [volume for volume in content if volume["vmid"] == 200] == []


def test_a_stranger_is_never_touched_by_the_hypervisor(
    pve: LabPve, api: Client, below: NoGuests
) -> None:
    pve.add_foreign(300, "lxc", "theirs", "pve2")
    api.wait(api.post("/nodes/pve2/lxc/300/status/stop"))
    api.wait(api.delete("/nodes/pve2/lxc/300"))
    assert below.guests == {}
    assert pve.guest(300) is None


def test_a_lock_without_a_task_is_taken_off_at_the_end(pve: LabPve, api: Client) -> None:
    api.wait(api.container())
    pve.faults.lock(120, "snapshot")
    assert api.get("/nodes/pve1/lxc/120/config")["lock"] == "snapshot"
    pve.faults.clear()
    assert "lock" not in api.get("/nodes/pve1/lxc/120/config")


def test_a_lock_file_that_somebody_holds_is_waited_for(pve: LabPve, api: Client) -> None:
    api.wait(api.container())
    api.wait(api.clone())
    for vmid in (120, 200):
        pve.faults.hold_lock(vmid)
    waited = "can't lock file '/run/lock/lxc/pve-config-120.lock' - got timeout"
    assert api.wait(api.post("/nodes/pve1/lxc/120/status/start")) == waited
    assert api.ask("PUT", "/nodes/pve1/lxc/120/config", memory=256).reason == waited
    answer = api.ask("PUT", "/nodes/pve1/qemu/200/config", memory=256)
    assert answer.reason == "can't lock file '/var/lock/qemu-server/lock-200.conf' - got timeout"
    pve.faults.clear()
    assert api.wait(api.post("/nodes/pve1/lxc/120/status/start")) == "OK"


def test_a_privilege_is_taken_from_everybody(pve: LabPve, api: Client) -> None:
    api.wait(api.container())
    one = client(pve, pve.add_token("paas@pve", "t", "VM.Audit", "VM.PowerMgmt"))
    pve.faults.deny("VM.PowerMgmt")
    answer = one.ask("POST", "/nodes/pve1/lxc/120/status/start")
    assert answer.reason == "Permission check failed (/vms/120, VM.PowerMgmt)"
    pve.faults.clear()
    assert one.wait(one.post("/nodes/pve1/lxc/120/status/start")) == "OK"


def test_requests_are_kept_for_those_who_ask(pve: LabPve, api: Client) -> None:
    pve.requests.clear()
    api.get("/cluster/resources", type="vm")
    assert pve.requests == [Request("GET", "/cluster/resources", "root@pam!lab", "type=vm")]
    assert "secret" not in str(pve.requests)
