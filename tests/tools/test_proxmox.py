"""The client: what it sends, what it makes of the answers, tasks, and who stands where."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from paas.domain.errors import PaasError, StepInterrupted
from paas.tools.proxmox import (
    Aborted,
    Access,
    Locked,
    Missing,
    Proxmox,
    ProxmoxError,
    Refused,
    Spot,
    Taken,
    Unreachable,
)
from tests.lab.pve import LabPve

from .proxmox import LXC_TEMPLATE, SITE, cluster

VMID = 100000
PATH = f"/nodes/pve1/lxc/{VMID}"
SECONDS = 30.0
T = TypeVar("T", bound=PaasError)


@pytest.fixture
def ready() -> Iterator[tuple[LabPve, Proxmox]]:
    with cluster() as (pve, access):
        yield pve, Proxmox(access)


@pytest.fixture
def pve(ready: tuple[LabPve, Proxmox]) -> LabPve:
    return ready[0]


@pytest.fixture
def proxmox(ready: tuple[LabPve, Proxmox]) -> Proxmox:
    return ready[1]


def container(vmid: int = VMID, **changed: object) -> dict[str, object]:
    return {
        "vmid": vmid,
        "ostemplate": LXC_TEMPLATE,
        "rootfs": "local-lvm:4",
        "storage": "local-lvm",
        "pool": SITE.pool,
        "net0": "name=eth0,bridge=vmbr0,firewall=1,ip=dhcp",
        "unprivileged": True,
        "hostname": "shop",
        **changed,
    }


def make(proxmox: Proxmox, **changed: object) -> None:
    upid = proxmox.post("/nodes/pve1/lxc", **container(**changed))  # type: ignore[arg-type]
    proxmox.wait_task(upid, SECONDS)


def failure(kind: type[T], call: Callable[[], object]) -> T:
    """The failure of a call: of that very class, and without the secret."""
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    return caught.value


def test_a_container_lives_and_dies(proxmox: Proxmox) -> None:
    assert proxmox.find(VMID) is None
    make(proxmox, start=True)
    assert proxmox.find(VMID) == Spot("pve1", "lxc", "running")
    assert proxmox.get(f"{PATH}/config")["hostname"] == "shop"
    proxmox.put(f"{PATH}/config", memory=1024, description=None)
    assert int(proxmox.get(f"{PATH}/config")["memory"]) == 1024
    proxmox.wait_task(proxmox.delete(PATH, force=True, purge=True), SECONDS)
    assert proxmox.find(VMID) is None


def test_the_status_is_that_of_now_though_the_list_still_has_that_of_before(
    pve: LabPve, proxmox: Proxmox
) -> None:
    make(proxmox)
    pve.shy_for, pve.status_lag = 0.0, 1e6
    proxmox.wait_task(proxmox.post(f"{PATH}/status/start"), SECONDS)
    assert [row["status"] for row in proxmox.resources() if row["vmid"] == VMID] == ["stopped"]
    assert proxmox.find(VMID) == Spot("pve1", "lxc", "running")
    pve.status_lag = 0.0
    assert [row["status"] for row in proxmox.resources() if row["vmid"] == VMID] == ["running"]


def test_threads_and_forks_have_connections_of_their_own(proxmox: Proxmox) -> None:
    seen: set[int] = set()

    def look() -> None:
        proxmox.nodes()
        seen.add(id(proxmox._sessions.get()))

    look()
    look()
    assert len(seen) == 1
    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) > 1
    mine = proxmox._sessions.get()
    proxmox._sessions._local.pid = -1
    assert proxmox._sessions.get() is not mine


def test_what_is_taken_missing_and_running_is_told_apart(proxmox: Proxmox) -> None:
    make(proxmox, start=True)
    taken = failure(Taken, lambda: proxmox.post("/nodes/pve1/lxc", **container()))
    assert str(taken) == (
        "Making container 100000 on node pve1 failed: CT 100000 already exists on node 'pve1'."
    )
    failure(Taken, lambda: proxmox.get("/cluster/nextid", vmid=VMID))
    gone = failure(Missing, lambda: proxmox.get("/nodes/pve1/lxc/100001/config"))
    assert gone.what == "guest"
    nowhere = failure(Missing, lambda: proxmox.get("/nodes/pve9/lxc"))
    assert nowhere.what == "node"
    running = failure(ProxmoxError, lambda: proxmox.delete(PATH))
    assert "container is running" in str(running)
    assert failure(ProxmoxError, lambda: proxmox.get("/nope")).detail.startswith("501")


def test_a_locked_guest_says_what_holds_it(pve: LabPve, proxmox: Proxmox) -> None:
    make(proxmox)
    pve.faults.lock(VMID, "backup")
    assert failure(Locked, lambda: proxmox.put(f"{PATH}/config", memory=600)).lock == "backup"
    upid = proxmox.post(f"{PATH}/status/start")
    assert failure(Locked, lambda: proxmox.wait_task(upid, SECONDS)).lock == "backup"


def test_a_lock_of_the_file_is_a_lock(pve: LabPve, proxmox: Proxmox) -> None:
    text = "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout"
    pve.faults.task_error("create", text)
    failure(Locked, lambda: make(proxmox))
    pve.faults.fail("PUT", "*/config", 500, text)
    failure(Locked, lambda: proxmox.put(f"{PATH}/config", memory=600))


@pytest.mark.parametrize(
    ("changed", "kind", "words"),
    [
        ({"ostemplate": "local:vztmpl/no.tar.zst"}, Missing, "`paas templates list`"),
        ({"rootfs": "local-lvm:0.1"}, ProxmoxError, "(tar: Cannot write: No space left"),
    ],
)
def test_a_task_that_fails_says_why(
    proxmox: Proxmox, changed: dict[str, str], kind: type[ProxmoxError], words: str
) -> None:
    found = failure(kind, lambda: make(proxmox, **changed))
    assert words in str(found)
    assert "TASK ERROR" in found.detail


def test_a_task_that_was_ended_from_outside_may_be_tried_again(
    pve: LabPve, proxmox: Proxmox
) -> None:
    pve.faults.task_hang("create")
    upid = proxmox.post("/nodes/pve1/lxc", **container())
    pve.faults.wait_hanging("create")
    assert pve.faults.kill_task("create") == 1
    failure(Aborted, lambda: proxmox.wait_task(upid, SECONDS))
    assert issubclass(Aborted, StepInterrupted)


def test_a_task_can_be_ended(pve: LabPve, proxmox: Proxmox) -> None:
    pve.faults.task_hang("create")
    upid = proxmox.post("/nodes/pve1/lxc", **container())
    pve.faults.wait_hanging("create")
    assert [task["upid"] for task in proxmox.active_tasks(VMID)] == [upid]
    assert proxmox.active_tasks(VMID + 1) == []
    proxmox.abort_task(upid)
    failure(Aborted, lambda: proxmox.wait_task(upid, SECONDS))
    assert proxmox.active_tasks() == []
    assert proxmox.find(VMID) is None
    proxmox.abort_task("UPID:pve1:00000000:00000000:00000000:vzcreate:1:root@pam:")


def test_a_clone_is_found_under_its_template(pve: LabPve, proxmox: Proxmox) -> None:
    pve.faults.task_hang("clone")
    path = f"/nodes/pve1/qemu/{SITE.vm_template}/clone"
    upid = proxmox.post(path, newid=VMID, full=True, pool=SITE.pool, storage="local-lvm")
    pve.faults.wait_hanging("clone")
    assert proxmox.active_tasks(VMID) == []
    found = proxmox.active_tasks(VMID, template=SITE.vm_template)
    assert [(task["upid"], task["type"]) for task in found] == [(upid, "qmclone")]
    pve.faults.release()
    proxmox.wait_task(upid, SECONDS)
    assert proxmox.find(VMID) == Spot("pve1", "qemu", "stopped")


def test_tasks_of_others_are_not_ours(pve: LabPve, proxmox: Proxmox) -> None:
    pve.faults.task_hang("create")
    root = Proxmox(Access(pve.url, pve.root_token, ca_file=str(pve.ca_file)))
    upid = root.post("/nodes/pve1/lxc", **container())
    pve.faults.wait_hanging("create")
    assert [task["upid"] for task in root.active_tasks(VMID)] == [upid]
    assert proxmox.active_tasks() == []
    pve.faults.release()


def test_waiting_for_a_task_outlasts_a_proxmox_that_is_away(pve: LabPve, proxmox: Proxmox) -> None:
    pve.faults.task_hang("create")
    upid = proxmox.post("/nodes/pve1/lxc", **container())
    pve.faults.wait_hanging("create")
    ended: list[object] = []
    waiter = threading.Thread(target=lambda: ended.append(proxmox.wait_task(upid, SECONDS)))
    pve.faults.unreachable()
    waiter.start()
    pve.faults.release()
    pve.faults.reachable()
    waiter.join(SECONDS)
    assert ended == [None]


def test_waiting_ends_at_the_deadline_and_when_asked(pve: LabPve, proxmox: Proxmox) -> None:
    pve.faults.task_hang("create")
    upid = proxmox.post("/nodes/pve1/lxc", **container())
    late = failure(StepInterrupted, lambda: proxmox.wait_task(upid, 0.2))
    assert str(late) == "Making container 100000 on node pve1 has not ended after 0 s."
    reason = KeyError("asked")
    with pytest.raises(KeyError):
        proxmox.during(lambda: reason).wait_task(upid, SECONDS)
    pve.faults.unreachable()
    failure(Unreachable, lambda: proxmox.wait_task(upid, 0.2))
    pve.faults.reachable()
    pve.faults.release()


def test_nothing_is_changed_once_there_is_a_reason_to_end(pve: LabPve, proxmox: Proxmox) -> None:
    reasons: list[Exception] = []
    bound = proxmox.during(lambda: reasons[0] if reasons else None)
    make(bound)
    reasons.append(KeyError("asked"))
    before = len(pve.requests)
    for change in (
        lambda: bound.post(f"{PATH}/status/start"),
        lambda: bound.put(f"{PATH}/config", memory=1024),
        lambda: bound.delete(PATH),
        lambda: bound.pause(SECONDS),
    ):
        with pytest.raises(KeyError):
            change()
    assert len(pve.requests) == before
    assert bound.find(VMID) == proxmox.find(VMID)
    proxmox.put(f"{PATH}/config", memory=1024)


def test_a_task_that_failed_because_proxmox_was_ill_is_not_waited_for(
    pve: LabPve, proxmox: Proxmox
) -> None:
    pve.faults.task_error("create", "cluster not ready - no quorum?")
    failure(Unreachable, lambda: make(proxmox))


# Who stands where.


def test_a_guest_that_the_list_does_not_know_yet_is_confirmed_on_its_node(
    pve: LabPve, proxmox: Proxmox
) -> None:
    make(proxmox)
    rows = [{"vmid": VMID, "node": "pve1", "type": "lxc", "status": "unknown", "name": None}]
    pve.faults.fail("GET", "/cluster/resources", 200, "OK", {"data": rows}, times=None)
    assert proxmox.find(VMID) == Spot("pve1", "lxc", "stopped")


def test_a_guest_that_moves_while_it_is_looked_for_is_found(pve: LabPve, proxmox: Proxmox) -> None:
    make(proxmox)
    rows = [{"vmid": VMID, "node": "pve2", "type": "lxc", "status": "unknown", "name": None}]
    pve.faults.fail("GET", "/cluster/resources", 200, "OK", {"data": rows}, times=None)
    assert proxmox.find(VMID) == Spot("pve1", "lxc", "stopped")


def test_a_guest_on_a_node_that_is_away_is_not_called_absent(pve: LabPve, proxmox: Proxmox) -> None:
    make(proxmox)
    pve.faults.offline("pve1")
    failure(Unreachable, lambda: proxmox.find(VMID))
    # The cluster's configuration is known to every node, so others' absence still holds.
    assert proxmox.find(VMID + 1) is None


def test_absence_is_not_believed_without_quorum(pve: LabPve, proxmox: Proxmox) -> None:
    pve.faults.no_quorum()
    failure(Unreachable, lambda: proxmox.find(VMID))


def test_a_guest_that_the_token_may_not_see_is_not_called_absent(
    pve: LabPve, proxmox: Proxmox
) -> None:
    pve.add_foreign(VMID)
    assert proxmox.find(VMID) == Spot("pve1", "lxc", "running")
    pve.withdraw("/", SITE.token)
    found = failure(Refused, lambda: proxmox.find(VMID))
    assert (found.path, found.privilege) == (f"/vms/{VMID}", "VM.Audit")


# Refusals.


def test_each_missing_privilege_is_named_with_the_command(pve: LabPve, proxmox: Proxmox) -> None:
    cases = {
        f"/pool/{SITE.pool}": "PaaSOperator",
        "/storage/local-lvm": "PaaSStorage",
        "/sdn/zones/localnetwork/vmbr0": "PaaSNetwork",
    }
    for path, role in cases.items():
        pve.withdraw(path, SITE.token)
        found = failure(Refused, lambda: proxmox.post("/nodes/pve1/lxc", **container()))
        assert found.path == path
        assert (
            f"`pveum acl modify {path} --roles {role} --users paas@pve "
            "--tokens 'paas@pve!platform'`" in str(found)
        )
        pve.grant(path, SITE.token, role)
    make(proxmox)


def test_a_strangers_guest_is_said_to_be_one(pve: LabPve, proxmox: Proxmox) -> None:
    pve.add_foreign(VMID)
    found = failure(Refused, lambda: proxmox.delete(PATH))
    assert "If that guest is not in the pool paas, it is not ours to touch." in str(found)


def test_a_token_that_is_not_accepted_is_named_without_its_secret(
    pve: LabPve, proxmox: Proxmox
) -> None:
    pve.faults.revoke(SITE.token)
    found = failure(Refused, proxmox.nodes)
    assert str(found).startswith("Proxmox does not accept the API token paas@pve!platform (")
    assert "pveum user token add paas@pve platform" in str(found)
    secret = proxmox.access.token.partition("=")[2]
    for text in (str(found), found.detail, repr(proxmox), repr(proxmox.access)):
        assert secret not in text


# A Proxmox that does not answer well.


@pytest.mark.parametrize("status", [595, 596, 599, 502, 503, 504])
def test_a_gateways_refusal_means_that_waiting_helps(
    pve: LabPve, proxmox: Proxmox, status: int
) -> None:
    pve.faults.fail("GET", "/nodes", status, "Connection timed out", "<html>", times=1)
    failure(Unreachable, proxmox.nodes)


def test_reading_is_repeated_when_the_connection_breaks_and_writing_is_not(
    pve: LabPve, proxmox: Proxmox
) -> None:
    pve.faults.drop("/nodes", times=1)
    assert len(proxmox.nodes()) == 2
    pve.faults.drop("/nodes", times=2)
    failure(Unreachable, proxmox.nodes)
    pve.faults.drop("/nodes/pve1/lxc", times=1, method="POST")
    failure(Unreachable, lambda: proxmox.post("/nodes/pve1/lxc", **container()))
    assert proxmox.find(VMID) is None


def test_silence_ends_at_the_deadline(pve: LabPve) -> None:
    pve.faults.slow("/nodes", 60)
    token = pve.root_token
    hasty = Proxmox(Access(pve.url, token, ca_file=str(pve.ca_file), timeout=0.3))
    assert "no answer in time" in str(failure(Unreachable, hasty.nodes))
    pve.faults.clear()


@pytest.mark.parametrize("body", ["<html>Sign in</html>", "[1, 2]", '"x"', '{"other": 1}'])
def test_something_else_that_answers_is_not_taken_for_proxmox(
    pve: LabPve, proxmox: Proxmox, body: str
) -> None:
    parsed: Any = body if body.startswith("<") else json.loads(body)
    pve.faults.fail("GET", "/nodes", 200, "OK", parsed)
    assert "is not the API of Proxmox" in str(failure(ProxmoxError, proxmox.nodes))


def test_the_log_does_not_know_the_token(
    proxmox: Proxmox, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with caplog.at_level("DEBUG"):
        proxmox.nodes()
    assert proxmox.access.token.partition("=")[2] not in caplog.text
