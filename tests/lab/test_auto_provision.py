"""A Proxmox host is made ready over real SSH by real Ansible; its programs are a stand-in."""

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from paas.domain.errors import StepFailed, Unreachable
from paas.domain.nodes import WorkerSpec
from paas.engine import assembly, placing
from paas.engine.platform import Platform
from paas.services import node_provisioning, nodes
from paas.services.node_provisioning import USER
from paas.services.proxmox_doctor import site_of
from paas.settings import Settings
from paas.store import setup
from paas.tools import proxmox_rights
from paas.tools.proxmox import Proxmox
from paas.tools.proxmox_access import Access
from tests.factories import ACTOR
from tests.lab import proxmox_host
from tests.lab.ground import Ground
from tests.lab.proxmox_host import Host
from tests.lab.reaching import Visitor
from tests.tools.proxmox import LXC_TEMPLATE, SITE, cluster

# A machine that does much else needs longer than people are let wait.
PATIENCE = 600.0
FILE = LXC_TEMPLATE.partition("/")[2]
numbers = count(150)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_provisioning, "SECONDS", PATIENCE)


@pytest.fixture
def visitor(tmp_path: Path) -> Visitor:
    return Visitor(tmp_path)


@pytest.fixture
def host(lab_guests: Ground, visitor: Visitor) -> Iterator[Host]:
    config = proxmox_host.configuration(lab_guests, next(numbers), visitor.public)
    with proxmox_host.played(lab_guests, config, "pve") as made:
        visitor.run(made.address, made.host_key, "true")
        made.desk.downloadable.append(FILE)
        yield made


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """Connected to a cluster of its own, to which the host is added."""
    with cluster() as (_, access):
        settings = Settings(
            instance=tmp_path / "i",
            redis_url="redis://127.0.0.1:1/0",
            target="proxmox",
            proxmox_url=access.url,
            proxmox_token=access.token,
            proxmox_ca_file=access.ca_file,
            proxmox_lxc_template=LXC_TEMPLATE,
            proxmox_vm_template=SITE.vm_template,
            proxmox_addresses="10.0.0.20-10.0.0.99/24,gw=10.0.0.1",
        )
        setup.prepare(settings)
        made = assembly.build(settings)
        yield made
        made.store.close()


def worker(host: Host, visitor: Visitor, **changes: object) -> WorkerSpec:
    base = WorkerSpec(
        "worker-2",
        host.address,
        ssh_key=visitor.key.read_text(),
        ssh_host_key=host.host_key,
        auto_provision=True,
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


@contextmanager
def watched(secret: str) -> Iterator[list[str]]:
    """Looks into every process's arguments and environment meanwhile."""
    seen: list[str] = []
    end = threading.Event()

    def look() -> None:
        while not end.wait(0.1):
            for path in (
                *Path("/proc").glob("[0-9]*/cmdline"),
                *Path("/proc").glob("[0-9]*/environ"),
            ):
                try:
                    seen.extend([str(path)] if secret.encode() in path.read_bytes() else [])
                except OSError:
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        end.set()
        thread.join()


def tokens(host: Host) -> list[str]:
    """The secrets of the platform's tokens."""
    return [secret for name, secret in host.pve.apitokens.items() if name.startswith(USER)]


def written(folder: Path, secret: str) -> list[Path]:
    """The files that have it in them."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if secret.encode() in path.read_bytes()]


def test_a_host_is_made_ready_and_the_key_is_forgotten(
    platform: Platform, host: Host, visitor: Visitor, capfd: pytest.CaptureFixture[str]
) -> None:
    line = visitor.key.read_text().splitlines()[2]
    with watched(line) as seen:
        added = nodes.add(platform, ACTOR, worker(host, visitor))
    assert added.notes == ()
    assert (added.node.name, added.node.status) == ("worker-2", "active")
    assert seen == []
    instance = platform.settings.instance
    assert written(instance, line) == []
    assert not list((instance / "work").iterdir())
    (secret,) = tokens(host)
    assert written(instance, secret) == []
    told = "".join(capfd.readouterr())
    assert line not in told
    assert secret not in told
    expect_the_documented_rights(platform, host)
    assert [one.target.endpoint for one in placing.look(platform, "lxc")] == ["proxmox", "worker-2"]


def expect_the_documented_rights(platform: Platform, host: Host) -> None:
    """The token has what docs/proxmox.md grants, and nothing else."""
    name = f"{USER}!platform-{platform.installation[:8]}"
    wanted = proxmox_rights.grants(site_of(platform.settings, 9, name))
    for grant in wanted:
        assert host.pve.held(name, grant.path) == frozenset(grant.role.privileges), grant.path
    granted = {(one.path, one.who, one.role) for one in host.pve.grants}
    assert granted == {(g.path, who, g.role.name) for g in wanted for who in (USER, name)}
    assert list(host.pve.pools) == [platform.settings.proxmox_pool]


def test_it_may_be_done_again_and_only_the_new_token_counts(
    platform: Platform, host: Host, visitor: Visitor
) -> None:
    # Without ssh_host_key the first answer is believed.
    first = nodes.add(platform, ACTOR, worker(host, visitor, ssh_host_key=""))
    (target,) = [one for one in platform.elsewhere() if one.name == "proxmox_lxc"]
    old: Access = target.site.access  # type: ignore[attr-defined]
    host.desk.asked.clear()
    second = nodes.add(platform, ACTOR, worker(host, visitor))
    assert second.node.id == first.node.id
    verbs = [words[1:3] for words in host.desk.asked]
    assert ["pool", "add"] not in verbs
    assert ["user", "add"] not in verbs
    assert ["role", "add"] not in verbs
    assert not [words for words in host.desk.asked if words[:2] == ["pveam", "download"]]
    with pytest.raises(StepFailed, match="does not accept the API token"):
        Proxmox(old).nodes()
    (target,) = [one for one in platform.elsewhere() if one.name == "proxmox_lxc"]
    assert target.identity() == f"cluster {host.pve.cluster_name}"
    expect_the_documented_rights(platform, host)


def test_what_was_interrupted_is_done_again_from_the_start(
    platform: Platform, host: Host, visitor: Visitor
) -> None:
    host.desk.broken = lambda words: list(words[1:3]) == ["acl", "modify"]
    with pytest.raises(StepFailed, match=r"Bind the roles failed: .*no quorum"):
        nodes.add(platform, ACTOR, worker(host, visitor))
    assert platform.elsewhere() == ()
    assert len(tokens(host)) == 1
    host.desk.broken = lambda words: False
    assert nodes.add(platform, ACTOR, worker(host, visitor)).node.status == "active"
    assert len(tokens(host)) == 1


def test_a_template_that_cannot_be_had_is_said(
    platform: Platform, host: Host, visitor: Visitor
) -> None:
    host.desk.downloadable.clear()
    added = nodes.add(platform, ACTOR, worker(host, visitor))
    (note,) = added.notes
    assert note.startswith(f"There is no container template {LXC_TEMPLATE} on pve")


def test_who_does_not_let_us_in_is_told(
    platform: Platform, host: Host, visitor: Visitor, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    stranger = Visitor(tmp_path / "other").key.read_text()
    with pytest.raises(Unreachable, match="Permission denied"):
        nodes.add(platform, ACTOR, worker(host, visitor, ssh_key=stranger))
    another = Visitor(tmp_path / "other").public
    with pytest.raises(Unreachable, match="Host key verification failed"):
        nodes.add(platform, ACTOR, worker(host, visitor, ssh_host_key=another))
    assert platform.elsewhere() == ()
    assert host.desk.asked == []


def test_a_machine_that_is_no_proxmox_is_left_alone(
    platform: Platform, host: Host, visitor: Visitor
) -> None:
    visitor.run(host.address, host.host_key, "rm", "/usr/bin/pveversion")
    with pytest.raises(StepFailed, match="Ask for the version of Proxmox VE failed"):
        nodes.add(platform, ACTOR, worker(host, visitor))
    assert host.desk.asked == []
