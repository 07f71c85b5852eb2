"""Rights as Proxmox reads them: tokens apart from their users, depth, pools, and what 403 says."""

from collections.abc import Iterator

import pytest

from tests.lab.hypervisor import NoGuests
from tests.lab.pve import LabPve, running
from tests.lab.pve_client import KEY, Client, client, furnish, own_address

CREATE = {
    "vmid": 120,
    "ostemplate": "local:vztmpl/debian-12.tar.zst",
    "rootfs": "local-lvm:4",
    "net0": "name=eth0,bridge=vmbr0,ip=dhcp",
}


@pytest.fixture
def pve() -> Iterator[LabPve]:
    with running(NoGuests(), address=own_address()) as made:
        furnish(made)
        yield made


def person(pve: LabPve, *grants: tuple[str, str], token_too: bool = True) -> Client:
    """Somebody whose user, and token if wanted, has privileges: (path, words)."""
    token = pve.add_token("paas@pve", "t")
    for number, (path, privileges) in enumerate(grants):
        pve.add_role(f"role{number}", privileges.split())
        pve.grant(path, "paas@pve", f"role{number}")
        if token_too:
            pve.grant(path, "paas@pve!t", f"role{number}")
    return client(pve, token)


def test_a_token_has_none_of_its_users_rights(pve: LabPve) -> None:
    everything = "VM.Audit VM.Allocate Sys.Audit Datastore.Audit Pool.Audit SDN.Audit"
    one = person(pve, ("/", everything), token_too=False)
    client(pve).wait(client(pve).container())
    assert one.get("/access/permissions") == {}
    assert one.get("/cluster/resources") == []
    assert one.get("/nodes/pve1/lxc") == []
    assert one.get("/storage") == []
    assert one.get("/nodes/pve1/tasks") == []


def test_a_token_without_separation_has_them_all(pve: LabPve) -> None:
    person(pve, ("/", "VM.Audit"), token_too=False)
    other = client(pve, pve.add_token("paas@pve", "full", separate=False))
    assert other.get("/access/permissions")["/vms"] == {"VM.Audit": 1}


def test_a_token_has_no_more_than_its_user(pve: LabPve) -> None:
    one = person(pve)
    pve.add_role("auditor", ["VM.Audit"])
    pve.grant("/", "paas@pve!t", "auditor")
    assert one.get("/access/permissions") == {}


def test_roots_separated_token_has_nothing_either(pve: LabPve) -> None:
    other = client(pve, pve.add_token("root@pam", "apart"))
    answer = other.ask("GET", "/nodes/pve1/lxc/999/config")
    assert (answer.status_code, answer.reason) == (
        403,
        "Permission check failed (/vms/999, VM.Audit)",
    )


@pytest.mark.parametrize("kind", ["lxc", "qemu"])
@pytest.mark.parametrize("path", ["config", "status/current"])
def test_a_guest_that_is_not_there_is_forbidden_not_missing(
    pve: LabPve, kind: str, path: str
) -> None:
    answer = person(pve).ask("GET", f"/nodes/pve1/{kind}/999/{path}")
    assert (answer.status_code, answer.reason) == (
        403,
        "Permission check failed (/vms/999, VM.Audit)",
    )


@pytest.mark.parametrize(
    ("grants", "reason"),
    [
        ((), ""),
        ((("/vms", "VM.Allocate"),), "(/storage/local, Datastore.AllocateSpace|Datastore.Audit)"),
        (
            (("/vms", "VM.Allocate VM.Config.Disk"), ("/storage/local", "Datastore.Audit")),
            "(/storage/local-lvm, Datastore.AllocateSpace)",
        ),
        (
            (("/vms", "VM.Allocate"), ("/storage", "Datastore.AllocateSpace")),
            "(/vms/120, VM.Config.",
        ),
        (
            (
                ("/vms", "VM.Allocate VM.Config.Disk VM.Config.Network"),
                ("/storage", "Datastore.AllocateSpace"),
            ),
            "(/sdn/zones/localnetwork/vmbr0, SDN.Use)",
        ),
    ],
)
def test_a_create_names_the_first_right_that_is_missing(
    pve: LabPve, grants: tuple[tuple[str, str], ...], reason: str
) -> None:
    answer = person(pve, *grants).ask("POST", "/nodes/pve1/lxc", **CREATE)
    assert answer.status_code == 403
    assert answer.reason is not None
    assert answer.reason.startswith(f"Permission check failed{reason and ' '}{reason}")
    assert bool(reason) == ("(" in answer.reason)


def test_a_create_with_start_asks_for_no_power_right(pve: LabPve) -> None:
    one = person(
        pve,
        ("/vms", "VM.Allocate VM.Audit VM.Config.Disk VM.Config.Network VM.Config.Options"),
        ("/storage", "Datastore.AllocateSpace"),
        ("/sdn", "SDN.Use"),
    )
    upid = one.post("/nodes/pve1/lxc", start=1, ssh_public_keys=KEY, **CREATE)
    assert one.wait(upid) == "OK"
    answer = one.ask("POST", "/nodes/pve1/lxc/120/status/stop")
    assert answer.reason == "Permission check failed (/vms/120, VM.PowerMgmt)"


def test_the_deepest_grant_replaces_what_is_inherited(pve: LabPve) -> None:
    person(pve, ("/", "Datastore.Audit"), ("/storage/local", "Datastore.AllocateSpace"))
    assert pve.held("paas@pve!t", "/storage/local") == {"Datastore.AllocateSpace"}
    assert pve.held("paas@pve!t", "/storage/local-lvm") == {"Datastore.Audit"}


def test_a_pool_adds_its_rights_to_its_members(pve: LabPve) -> None:
    person(pve, ("/", "VM.Audit"), ("/pool/paas", "VM.Allocate VM.PowerMgmt"))
    pve.pools["paas"].add(120)
    assert pve.held("paas@pve!t", "/vms/120") == {"VM.Audit", "VM.Allocate", "VM.PowerMgmt"}
    assert pve.held("paas@pve!t", "/vms/121") == {"VM.Audit"}


def test_a_grant_need_not_reach_below(pve: LabPve) -> None:
    person(pve)
    pve.add_role("auditor", ["VM.Audit"])
    for who in ("paas@pve", "paas@pve!t"):
        pve.grant("/vms", who, "auditor", propagate=False)
    assert pve.held("paas@pve!t", "/vms") == {"VM.Audit"}
    assert client(pve).get("/access/permissions", userid="paas@pve!t") == {"/vms": {"VM.Audit": 0}}
    assert pve.held("paas@pve!t", "/vms/120") == frozenset()
    pve.withdraw("/vms", "paas@pve!t")
    assert pve.held("paas@pve!t", "/vms") == frozenset()


def test_another_persons_task_needs_audit(pve: LabPve) -> None:
    upid = client(pve).container()
    answer = person(pve).ask("GET", f"/nodes/pve1/tasks/{upid}/status")
    assert answer.reason == "Permission check failed (/nodes/pve1, Sys.Audit)"


def test_privileges_that_proxmox_9_does_not_know_are_refused(pve: LabPve) -> None:
    with pytest.raises(ValueError, match=r"invalid privilege 'VM\.Monitor'"):
        pve.add_role("old", ["VM.Monitor"])
    with pytest.raises(ValueError, match="role 'nobody' does not exist"):
        pve.grant("/", "paas@pve", "nobody")
