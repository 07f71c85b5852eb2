"""Templates: what Proxmox offers, and new ones with languages in them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from paas.cli import main
from paas.domain.errors import PaasError, Unreachable
from paas.services import templates
from paas.settings import Settings
from tests.lab.pve import LabPve
from tests.tools.proxmox import LXC_TEMPLATE, SITE, cluster


@pytest.fixture
def pve() -> Iterator[LabPve]:
    with cluster(building=True) as (made, _access):
        yield made


@pytest.fixture
def site(pve: LabPve, tmp_path: Path) -> Settings:
    return Settings(
        instance=tmp_path,
        target="proxmox",
        proxmox_url=pve.url,
        proxmox_token=f"{SITE.token}={pve.apitokens[SITE.token]}",
        proxmox_ca_file=str(pve.ca_file),
        proxmox_lxc_template=LXC_TEMPLATE,
        proxmox_timeout=20,
    )


def test_what_every_node_offers_is_listed(site: Settings, pve: LabPve) -> None:
    pve.add_lxc_template("local:vztmpl/alpine.tar.xz", size_mb=3)
    pve.add_foreign(105, "qemu")
    found = [(one.kind, one.value, one.node, one.is_set) for one in templates.listing(site)]
    assert found == [
        ("lxc", "local:vztmpl/alpine.tar.xz", "pve1", False),
        ("lxc", LXC_TEMPLATE, "pve1", True),
        ("lxc", "local:vztmpl/alpine.tar.xz", "pve2", False),
        ("lxc", LXC_TEMPLATE, "pve2", True),
        ("vm", "9000", "pve1", False),
    ]
    container, machine = templates.listing(site)[0], templates.listing(site)[-1]
    assert (container.size_mb, container.storage) == (3, "local")
    assert (machine.size_mb, machine.storage, machine.title) == (3072, "local-lvm", "debian-12")


def test_nodes_that_are_away_are_left_out(site: Settings, pve: LabPve) -> None:
    pve.faults.offline("pve1")
    found = [(one.value, one.node) for one in templates.listing(site)]
    assert found == [(LXC_TEMPLATE, "pve2"), ("9000", "pve1")]


def test_a_proxmox_that_is_away_is_said(site: Settings, pve: LabPve) -> None:
    pve.faults.unreachable()
    with pytest.raises(Unreachable):
        templates.listing(site)
    pve.faults.reachable()


def test_another_target_has_no_templates(site: Settings) -> None:
    with pytest.raises(PaasError, match="for target proxmox"):
        templates.listing(replace(site, target="local"))


@pytest.fixture
def environ(site: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "INSTANCE": site.instance,
        "TARGET": "proxmox",
        "PROXMOX_URL": site.proxmox_url,
        "PROXMOX_TOKEN": site.proxmox_token,
        "PROXMOX_CA_FILE": site.proxmox_ca_file,
    }
    for name, value in given.items():
        monkeypatch.setenv(f"PAAS_{name}", str(value))


@pytest.mark.usefixtures("environ")
def test_the_command_shows_what_may_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["TYPE", "TEMPLATE", "NAME", "NODE", "STORAGE", "MB", "SET"]
    assert lines[1].split()[:2] == ["lxc", LXC_TEMPLATE]
    assert lines[-2:] == [
        "PAAS_PROXMOX_LXC_TEMPLATE is not set: set it to one of the above.",
        "PAAS_PROXMOX_VM_TEMPLATE is not set: set it to one of the above.",
    ]


@pytest.mark.usefixtures("environ")
def test_the_command_speaks_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "list", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["value"] for one in document["templates"]] == [LXC_TEMPLATE] * 2 + ["9000"]
