"""Templates: what Proxmox offers, and new ones with languages in them."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from paas.cli import main
from paas.domain.errors import PaasError, StepFailed, Unreachable
from paas.domain.states import GuestType
from paas.engine import assembly
from paas.engine.platform import Platform
from paas.services import template_building, templates
from paas.settings import Settings
from paas.store import setup
from paas.targets.contract import Contact
from paas.targets.proxmox.target import ProxmoxTarget
from tests.lab.pve import LabPve
from tests.tools.proxmox import LXC_TEMPLATE, SITE, cluster


@pytest.fixture
def pve() -> Iterator[LabPve]:
    """The cluster of the other tests, where templates may be uploaded too."""
    with cluster(building=True) as (made, _access):
        yield made


def test_what_every_node_offers_is_listed(site: Settings, pve: LabPve) -> None:
    pve.add_lxc_template("local:vztmpl/alpine.tar.xz", size_mb=3)
    pve.add_foreign(105, "qemu")
    found = [(one.kind, one.value, one.node, one.is_set) for one in templates.listing(site)]
    assert found == [
        ("lxc", "local:vztmpl/alpine.tar.xz", "pve1", False),
        ("lxc", LXC_TEMPLATE, "pve1", True),
        ("lxc", "local:vztmpl/alpine.tar.xz", "pve2", False),
        ("lxc", LXC_TEMPLATE, "pve2", True),
        ("vm", "9000", "pve1", True),
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


# New ones.


@pytest.fixture
def platform(site: Settings) -> Iterator[Platform]:
    """A platform whose guests nobody can enter: no DHCP server gives them addresses."""
    settings = replace(
        site,
        redis_url="redis://127.0.0.1:1/0",
        proxmox_addresses="dhcp",
    )
    setup.prepare(settings)
    made = assembly.build(settings)
    yield made
    made.store.close()


def guests_of(pve: LabPve) -> list[int]:
    found = pve.on_loop(lambda: [*pve.vms, *pve.cts])
    return [guest.vmid for guest in found if not guest.template]


@pytest.mark.parametrize("kind", GuestType)
def test_a_guest_that_cannot_be_entered_is_removed_again(
    platform: Platform, pve: LabPve, kind: GuestType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template_building, "READY_SECONDS", 0.5)
    said: list[str] = []
    with pytest.raises(StepFailed, match="an address"):
        template_building.build(platform, kind, ["python"], "", said.append)
    assert guests_of(pve) == []
    assert "`paas remove 100000` removes it" in said[0]
    assert said[-1] == "Removing guest 100000 ..."
    assert list(platform.folder("work").iterdir()) == []
    with pytest.raises(StepFailed):
        template_building.build(platform, kind, ["python"], "", said.append)
    assert said[-1] == "Removing guest 100001 ..."


def test_an_interrupted_build_leaves_nothing(
    platform: Platform, pve: LabPve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_args: object) -> Contact:
        assert guests_of(pve) == [100000]
        raise KeyboardInterrupt

    monkeypatch.setattr(ProxmoxTarget, "wait_ready", interrupt)
    with pytest.raises(KeyboardInterrupt):
        template_building.build(platform, GuestType.LXC, [], "", lambda _line: None)
    assert guests_of(pve) == []


def test_a_vmid_that_is_taken_is_left_alone(platform: Platform, pve: LabPve) -> None:
    pve.add_foreign(100000)
    with pytest.raises(StepFailed, match="Guest 100000 is another's"):
        template_building.build(platform, GuestType.LXC, [], "", lambda _line: None)
    assert guests_of(pve) == [100000]


def test_a_missing_right_is_told_before_anything_is_made(platform: Platform, pve: LabPve) -> None:
    pve.withdraw("/storage/local", SITE.token)
    with pytest.raises(PaasError, match=r"pveum acl modify /storage/local --roles PaaSTemplates"):
        template_building.build(platform, GuestType.LXC, [], "", lambda _line: None)
    assert pve.task_log("vzcreate") == []


@pytest.mark.parametrize(
    ("kind", "languages", "base", "words"),
    [
        (GuestType.LXC, ["cobol"], "", "There is no language cobol"),
        (GuestType.VM, [], "debian", "'debian' is no vmid"),
        (GuestType.VM, [], "9009", "There is no template 9009"),
        (GuestType.LXC, [], "local:vztmpl/no.tar.gz", "does not have the template"),
    ],
)
def test_what_cannot_be_built_is_told_before_anything_is_made(
    platform: Platform, kind: GuestType, languages: list[str], base: str, words: str
) -> None:
    with pytest.raises(PaasError, match=words):
        template_building.build(platform, kind, languages, base, lambda _line: None)


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
