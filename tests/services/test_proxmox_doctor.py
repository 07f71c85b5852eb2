"""Doctor and Proxmox: each need met and unmet, with the command that mends it."""

from dataclasses import replace

import pytest

from paas.services import proxmox_doctor
from paas.services.findings import Finding
from paas.settings import Settings
from paas.tools import proxmox_rights
from tests.lab.pve import LabPve
from tests.tools.proxmox import LXC_TEMPLATE, SITE


def bad(settings: Settings) -> dict[str, Finding]:
    return {one.name: one for one in proxmox_doctor.examine(settings) if not one.ok}


def only(settings: Settings, name: str) -> Finding:
    """The one thing that is wrong."""
    found = bad(settings)
    assert list(found) == [name]
    return found[name]


def told(settings: Settings, name: str) -> str:
    return next(one.says for one in proxmox_doctor.examine(settings) if one.name == name)


def test_a_cluster_as_documented_is_well(site: Settings) -> None:
    findings = list(proxmox_doctor.examine(site))
    assert [one for one in findings if not one.ok] == []
    assert {one.name for one in findings} >= {
        *("proxmox", "proxmox rights", "proxmox cluster", "proxmox addresses", "proxmox nodes"),
        *("proxmox storage local-lvm on pve1", "proxmox bridge vmbr0 on pve2", "proxmox pool"),
        *(f"proxmox template {LXC_TEMPLATE} on pve1", "proxmox template 9000"),
        *("proxmox guests", "proxmox firewall"),
    }
    secret = site.proxmox_token.partition("=")[2]
    assert all(secret not in one.says + one.mend for one in findings)


def test_another_target_is_not_looked_at(site: Settings) -> None:
    assert list(proxmox_doctor.examine(replace(site, target="local"))) == []


def test_a_proxmox_that_is_away_is_one_finding(site: Settings, pve: LabPve) -> None:
    pve.faults.unreachable()
    finding = only(site, "proxmox")
    pve.faults.reachable()
    assert "does not answer (connection refused)" in finding.says


def test_a_certificate_that_is_not_verified_is_one_finding(site: Settings) -> None:
    assert "PAAS_PROXMOX_CA_FILE" in only(replace(site, proxmox_ca_file=""), "proxmox").says
    wrong = replace(site, proxmox_fingerprint=":".join(["00"] * 32))
    assert "PAAS_PROXMOX_FINGERPRINT" in only(wrong, "proxmox").says


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_switching_verification_off_is_loud(site: Settings) -> None:
    loose = replace(site, proxmox_ca_file="", proxmox_insecure=True)
    assert "IS SET" in only(loose, "proxmox insecure").says


def test_a_token_that_is_not_accepted_is_one_finding(site: Settings, pve: LabPve) -> None:
    pve.faults.revoke(SITE.token)
    assert "pveum user token add" in only(site, "proxmox token").says


@pytest.mark.parametrize("version", ["7.4-3", "10.0.1", "strange"])
def test_an_unknown_version_is_told(site: Settings, pve: LabPve, version: str) -> None:
    pve.version = version
    finding = bad(site)["proxmox"]
    assert f"Proxmox VE {version} answers" in finding.says
    assert "8 and 9" in finding.mend


@pytest.mark.parametrize("grant", proxmox_rights.grants(SITE), ids=lambda grant: grant.path)
def test_a_grant_that_is_missing_is_named_with_its_command(
    site: Settings, pve: LabPve, grant: proxmox_rights.Grant
) -> None:
    pve.withdraw(grant.path, SITE.token)
    finding = bad(site)[f"proxmox right {grant.path}"]
    assert finding.mend == proxmox_rights.acl_command(grant.path, grant.role.name, SITE.token)


@pytest.mark.parametrize("privilege", proxmox_rights.operator(SITE).privileges)
def test_each_privilege_that_a_role_lacks_is_named(
    site: Settings, pve: LabPve, privilege: str
) -> None:
    role = proxmox_rights.operator(SITE)
    pve.add_role(role.name, set(role.privileges) - {privilege})
    finding = bad(site)["proxmox right /pool/paas"]
    assert f"lacks {privilege} on /pool/paas" in finding.says
    assert finding.mend == f"pveum role modify PaaSOperator --privs {privilege} --append 1"


def test_the_right_to_a_virtual_network_lies_in_its_own_zone(site: Settings, pve: LabPve) -> None:
    pve.withdraw("/sdn/zones/localnetwork/vmbr0", SITE.token)
    for who in (SITE.user, SITE.token):
        pve.grant("/sdn/zones/inner/vmbr0", who, "PaaSNetwork")
    assert "proxmox right /sdn/zones/localnetwork/vmbr0" not in bad(site)


def test_nodes_that_are_not_there_or_away_are_named(site: Settings, pve: LabPve) -> None:
    chosen = replace(site, proxmox_nodes=("pve1", "pve7"))
    assert "There is no node pve7; there are pve1, pve2." in only(chosen, "proxmox node pve7").says
    pve.faults.offline("pve2")
    assert "is offline" in only(site, "proxmox node pve2").says


def test_lost_quorum_is_told(site: Settings, pve: LabPve) -> None:
    pve.faults.no_quorum()
    assert "has lost its quorum" in only(site, "proxmox cluster").says


def test_addresses_of_nodes_are_not_for_guests(site: Settings) -> None:
    taken = replace(site, proxmox_addresses="192.0.2.2-192.0.2.99/24,gw=192.0.2.1")
    assert "Nodes have 192.0.2.11, 192.0.2.12 of them." in only(taken, "proxmox addresses").says


def test_with_dhcp_it_is_said_where_guests_are_kept_from_each_other(
    site: Settings, pve: LabPve
) -> None:
    by_dhcp = replace(site, proxmox_addresses="dhcp")
    assert bad(by_dhcp) == {}
    assert "by DHCP in 10.0.0.0/24: there their firewalls" in told(by_dhcp, "proxmox addresses")
    for unknown in (replace(by_dhcp, proxmox_vlan=30), by_dhcp):
        finding = bad(unknown)["proxmox addresses"]
        assert "nobody says from which network: nothing is deployed" in finding.says
        assert finding.mend.startswith("PAAS_PROXMOX_ADDRESSES=dhcp,net=<")
        # Without a VLAN the bridges say it, while they have addresses of their own.
        pve.networks.clear()
    named = replace(by_dhcp, proxmox_addresses="dhcp,net=10.7.0.0/24")
    assert bad(named) == {}
    assert "by DHCP in 10.7.0.0/24" in told(named, "proxmox addresses")


def test_a_storage_that_cannot_serve_is_told(site: Settings, pve: LabPve) -> None:
    absent = bad(replace(site, proxmox_storage="nosuch"))
    assert "it sees local, local-lvm" in absent["proxmox storage nosuch on pve1"].says
    pve.storages["local-lvm"]["content"] = "images"
    finding = bad(site)["proxmox storage local-lvm on pve1"]
    assert finding.says == "Storage local-lvm on pve1 takes no rootdir."
    assert finding.mend == "pvesm set local-lvm --content images,rootdir"
    pve.storages["local-lvm"]["content"] = "images,rootdir"
    pve.faults.storage_full("local-lvm")
    assert "has only 0 GB free" in bad(site)["proxmox storage local-lvm on pve2"].says


def test_templates_that_are_not_there_are_told(site: Settings, pve: LabPve) -> None:
    wrong = replace(site, proxmox_lxc_template="local:vztmpl/other.tar.zst")
    found = bad(wrong)
    says = found["proxmox template local:vztmpl/other.tar.zst on pve1"].says
    assert f"there are {LXC_TEMPLATE}" in says
    gone = bad(replace(site, proxmox_lxc_template="nosuch:vztmpl/other.tar.zst"))
    assert any("The token sees no storage nosuch" in one.says for one in gone.values())
    pve.add_foreign(105, "qemu")
    assert (
        "is no VM template"
        in bad(replace(site, proxmox_vm_template=105))["proxmox template 105"].says
    )
    assert (
        "no guest 106" in bad(replace(site, proxmox_vm_template=106))["proxmox template 106"].says
    )


def test_a_template_on_a_local_disk_ties_vms_to_its_node(site: Settings) -> None:
    findings = {one.name: one for one in proxmox_doctor.examine(site)}
    finding = findings["proxmox template 9000"]
    assert finding.ok
    assert finding.says.endswith("so VMs are made on pve1 only.")
    elsewhere = replace(site, proxmox_nodes=("pve2",))
    assert not {one.name: one for one in proxmox_doctor.examine(elsewhere)}[
        "proxmox template 9000"
    ].ok


def test_a_bridge_that_cannot_serve_is_told(site: Settings) -> None:
    absent = bad(replace(site, proxmox_bridge="vmbr7"))
    assert "there are vmbr0" in absent["proxmox bridge vmbr7 on pve1"].says
    tagged = bad(replace(site, proxmox_vlan=20))
    assert "knows no VLANs" in tagged["proxmox bridge vmbr0 on pve1"].says


def test_a_pool_that_is_missing_is_told(site: Settings) -> None:
    found = bad(replace(site, proxmox_pool="other"))
    assert found["proxmox pool"].mend == "pveum pool add other"


def test_what_is_missing_on_this_side_is_told(
    site: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = replace(site, proxmox_lxc_template="", proxmox_vm_template=0)
    assert "No template is set" in only(none, "proxmox templates").says
    monkeypatch.setattr(proxmox_doctor.shutil, "which", lambda *_args, **_options: None)
    assert only(site, "ssh").mend == "apt install openssh-client"


def test_strangers_where_ours_live_are_told(site: Settings, pve: LabPve) -> None:
    pve.add_foreign(100_003, name="theirs")
    assert "100003 (theirs)" in only(site, "proxmox range").says
    pve.add_foreign(205, name="lost")
    pve._pool_join(SITE.pool, 205)
    finding = bad(site)["proxmox pool members"]
    assert "205 (lost)" in finding.says
    assert finding.mend == "pveum pool modify paas --vms 205 --delete 1"


def test_a_firewall_that_is_off_is_told(site: Settings, pve: LabPve) -> None:
    pve.firewall_config("cluster")["options"]["enable"] = 0
    assert "no effect" in only(site, "proxmox firewall").says


def test_a_check_that_is_refused_is_a_finding_and_the_others_go_on(
    site: Settings, pve: LabPve
) -> None:
    pve.faults.fail("GET", "/cluster/status", 500, "something broke")
    finding = only(site, "proxmox cluster")
    assert "something broke" in finding.says
