"""The token's rights: the commands in the documentation, what is lacking, and what mends it."""

import re
from pathlib import Path

import pytest
from fakepve import shapes

from paas.tools import proxmox_rights as rights
from paas.tools.proxmox_rights import Grant, Site

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "proxmox.md"
TOKEN = "paas@pve!platform"
SITE = Site(TOKEN, templates="local", vm_template=9000)


def documented() -> list[list[str]]:
    """The blocks of pveum commands, line by line."""
    blocks = re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return [block.splitlines() for block in blocks if block.startswith("pveum")]


def test_the_document_has_exactly_the_commands() -> None:
    needed, besides = documented()
    assert needed == rights.commands(SITE)
    assert sorted(needed + besides) == sorted(rights.commands(SITE, building=True))


@pytest.mark.parametrize("site", [SITE, Site(TOKEN, agent=True)])
def test_version_9_knows_every_privilege(site: Site) -> None:
    asked = {name for grant in rights.grants(site, building=True) for name in grant.role.privileges}
    assert asked <= set(shapes.PRIVILEGES)


def test_version_8_is_asked_for_the_monitor_only_where_the_agent_is_needed() -> None:
    assert "VM.Monitor" not in rights.operator(Site(TOKEN, major=8)).privileges
    assert "VM.Monitor" in rights.operator(Site(TOKEN, major=8, agent=True)).privileges
    assert "VM.GuestAgent.Audit" not in rights.operator(Site(TOKEN, major=8)).privileges
    newer = rights.operator(Site(TOKEN, major=10))
    assert newer == rights.operator(Site(TOKEN, major=9))


def test_only_the_pool_lets_guests_be_made_altered_and_removed() -> None:
    writing = {
        name
        for grant in rights.grants(SITE, building=True)
        for name in grant.role.privileges
        if not grant.path.startswith("/pool/")
    }
    only = {"SDN.Use", "VM.Clone", "Datastore.AllocateSpace", "Datastore.AllocateTemplate"}
    assert writing - set(rights.AUDIT) == only


def test_a_site_without_a_vm_template_clones_nothing() -> None:
    assert all(grant.role != rights.CLONE for grant in rights.grants(Site(TOKEN)))


def pool_grant() -> Grant:
    return rights.grants(SITE)[1]


def test_what_is_inherited_counts_where_it_propagates() -> None:
    grant = pool_grant()
    all_of_it = dict.fromkeys(grant.role.privileges, 1)
    assert rights.lacking(grant, {grant.path: all_of_it}) == []
    assert rights.lacking(grant, {grant.path: dict.fromkeys(all_of_it, 0)}) == []
    assert rights.lacking(grant, {"/": all_of_it}) == []
    assert rights.lacking(grant, {"/pool": dict.fromkeys(all_of_it, 0)}) == [*all_of_it]
    assert rights.lacking(grant, {"/pool/paas2": all_of_it, "/vms": all_of_it}) == [*all_of_it]
    audit = rights.grants(SITE)[0]
    assert rights.lacking(audit, {"/": dict.fromkeys(rights.AUDIT, 0)}) == [*rights.AUDIT]


def test_a_grant_that_is_missing_is_told_from_a_role_that_lacks_a_part() -> None:
    grant = pool_grant()
    inherited = {"/pool/paas": {"VM.Audit": 1, "Pool.Audit": 1}}
    missing = rights.lacking(grant, inherited)
    assert rights.mend(grant, missing, TOKEN) == (
        "pveum acl modify /pool/paas --roles PaaSOperator --users paas@pve "
        "--tokens 'paas@pve!platform'"
    )
    assert rights.mend(grant, ["VM.Snapshot"], TOKEN) == (
        "pveum role modify PaaSOperator --privs VM.Snapshot --append 1"
    )


@pytest.mark.parametrize(
    ("path", "privilege", "where", "role"),
    [
        ("/vms/120", "VM.Config.Disk", "/pool/paas", "PaaSOperator"),
        ("/vms/9000", "VM.Clone", "/vms/9000", "PaaSClone"),
        ("/pool/paas", "VM.Allocate", "/pool/paas", "PaaSOperator"),
        ("/storage/local", "Datastore.AllocateSpace", "/storage/local", "PaaSStorage"),
        ("/storage/local", "Datastore.AllocateTemplate", "/storage/local", "PaaSTemplates"),
        ("/sdn/zones/z/vmbr0", "SDN.Use", "/sdn/zones/z/vmbr0", "PaaSNetwork"),
        ("/nodes/pve1", "Sys.Audit", "/", "PaaSAudit"),
    ],
)
def test_a_refusal_names_the_command_that_mends_it(
    path: str, privilege: str, where: str, role: str
) -> None:
    command = rights.mending_command(path, privilege, token=TOKEN, pool="paas")
    assert command == rights.acl_command(where, role, TOKEN)
