"""The real provider against the lab's API, with no more rights than the platform asks for."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from paas.settings import CHECKOUT
from paas.tools import proxmox_rights
from tests.lab.hypervisor import NoGuests
from tests.lab.pve import LabPve, running
from tests.lab.pve_client import KEY, TEMPLATE, VM_TEMPLATE, furnish, own_address

SECONDS = 300
GUEST = {
    "node": "pve1",
    "pool": "paas",
    "hostname": "app-1",
    "description": "The marker of a guest.",
    "tags": ["paas", "web"],
    "storage": "local-lvm",
    "cores": 2,
    "memory": 768,
    "disk": 5,
    "bridge": "vmbr0",
    "mac": "BE:24:11:00:00:05",
    "address": "10.0.0.5/24",
    "gateway": "10.0.0.1",
    "dns": ["10.0.0.1"],
    "ssh_key": KEY,
    "port": 8000,
    "ssh_from": ["10.0.0.1"],
    "guests": ["10.0.0.20-10.0.0.30"],
    "nodes": ["10.0.0.2"],
}
KINDS = {
    "lxc": {"vmid": 120, "template": TEMPLATE},
    "vm": {
        "vmid": 200,
        "template": VM_TEMPLATE,
        "template_node": "pve1",
        "disk_interface": "scsi0",
    },
}


def least_token(pve: LabPve) -> str:
    """A token with the rights that the platform asks for, and none else."""
    site = proxmox_rights.Site(
        "paas@pve!platform", storage="local-lvm", templates="local", vm_template=VM_TEMPLATE
    )
    token = pve.add_token(site.user, site.token_name)
    for grant in proxmox_rights.grants(site):
        pve.add_role(grant.role.name, grant.role.privileges)
        for who in (site.user, site.token):
            pve.grant(grant.path, who, grant.role.name)
    return token


class Workspace:
    """A module of the platform with its provider, pointed at one cluster."""

    def __init__(self, folder: Path, kind: str, pve: LabPve, mirror: Path) -> None:
        token = least_token(pve)
        self.folder = folder / kind
        shutil.copytree(CHECKOUT / "terraform" / f"proxmox_{kind}", self.folder)
        values = json.dumps({**GUEST, **KINDS[kind]})
        (self.folder / "terraform.tfvars.json").write_text(values)
        configuration = folder / "terraform.rc"
        configuration.write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
        )
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TF_CLI_CONFIG_FILE": str(configuration),
            "PROXMOX_VE_ENDPOINT": pve.url,
            "PROXMOX_VE_API_TOKEN": token,
            "SSL_CERT_FILE": str(pve.ca_file),
        }

    def run(self, program: str, *words: str) -> str:
        done = subprocess.run(
            [program, *words, "-no-color"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def program() -> str:
    found = shutil.which("terraform") or shutil.which("tofu")
    if found is None:
        pytest.skip("neither terraform nor tofu is installed")
    return found


@pytest.fixture
def below() -> NoGuests:
    return NoGuests()


@pytest.fixture
def pve(below: NoGuests) -> Iterator[LabPve]:
    with running(below, address=own_address()) as made:
        furnish(made)
        yield made


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_second_plan_says_no_changes_and_a_destroy_leaves_nothing(
    kind: str,
    program: str,
    provider_mirror: Path,
    pve: LabPve,
    below: NoGuests,
    tmp_path: Path,
) -> None:
    work = Workspace(tmp_path, kind, pve, provider_mirror)
    work.run(program, "init", "-input=false")
    work.run(program, "apply", "-input=false", "-auto-approve")
    vmid = int(str(KINDS[kind]["vmid"]))
    made = below.guests[vmid]
    assert (made.hostname, made.cores, made.memory, made.disk) == ("app-1", 2, 768, 5)
    assert (made.address, made.mac, made.ssh_keys) == ("10.0.0.5/24", "BE:24:11:00:00:05", (KEY,))
    assert below.running == {vmid}
    assert below.firewalls[vmid].policy_in == "DROP"
    assert below.firewalls[vmid].rules[0].port == "8000"
    assert "No changes." in work.run(program, "plan", "-input=false")
    work.run(program, "destroy", "-input=false", "-auto-approve")
    assert below == NoGuests()
    assert pve.guest(vmid) is None
    left = pve.storages["local-lvm"].get("volumes", {})
    assert [name for name, volume in left.items() if volume["vmid"] == vmid] == []
