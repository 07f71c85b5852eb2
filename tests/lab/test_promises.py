"""What must hold whatever happens: the token stays where it is, and what stood before stays."""

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from paas.domain.errors import LeaseLost, StepFailed
from paas.domain.specs import GuestSpec
from paas.domain.states import AppState
from paas.domain.views import OperationView
from paas.engine import provision
from paas.services import deployments, downloads, reconcile
from paas.store.models import Guest, Operation
from tests.factories import ACTOR
from tests.lab import taken_home
from tests.lab.faults.conftest import (  # noqa: F401 - Fixtures are used by their names.
    Open,
    fault_cluster,
    opening,
    prepared,
    quick,
    source,
)
from tests.lab.faults.inside import PretendInside
from tests.lab.faults.world import World


@pytest.fixture
def world(opening: Open) -> Iterator[World]:  # noqa: F811
    made = opening()
    yield made
    made.pve.faults.clear()
    made.check()


def command_lines() -> list[bytes]:
    """The arguments of every process, as anybody on this machine can read them."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                found.append((folder / "cmdline").read_bytes())
            except OSError:
                continue
    return found


def files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()


@pytest.mark.parametrize("kind", ["lxc", "vm"])
def test_the_token_is_in_no_file_no_log_no_download_and_no_command_line(
    world: World, kind: str
) -> None:
    secret = world.platform.settings.proxmox_token.partition("=")[2]
    seen: list[bytes] = []
    left: list[Path] = []

    def look(_: object) -> None:
        seen.extend(command_lines())
        instance = world.platform.settings.instance
        left.extend(path for path, body in files(instance) if secret.encode() in body)

    world.pve.faults.on_request("/nodes/*/lxc" if kind == "lxc" else "/nodes/*/qemu/*/clone", look)
    app = world.deploy(kind)
    assert app.state == AppState.RUNNING
    look(None)
    assert any(b"terraform" in line for line in seen)
    assert [line for line in seen if secret.encode() in line] == []
    assert left == []
    assert secret not in world.log(app)
    with zipfile.ZipFile(
        io.BytesIO(downloads.terraform_zip(world.platform, ACTOR, app.id))
    ) as taken:
        bodies = [taken.read(name) for name in taken.namelist()]
    assert bodies
    assert [body for body in bodies if secret.encode() in body] == []
    assert secret not in repr(world.platform)


def test_an_adopted_guest_stays_with_its_data_when_its_redeploy_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = world.back_up()
    vmid = world.guest(world.deploy()).vmid
    world.restore(backup)
    adopted = reconcile.adopt(world.platform, ACTOR, vmid)

    def refuse(*_: object) -> None:
        raise StepFailed("the release cannot be checked")

    with monkeypatch.context() as patched:
        patched.setattr(PretendInside, "health", refuse)
        app = world.settle(world.redeploy(adopted))
    assert (app.state, app.vmid) == (AppState.FAILED, vmid)
    assert world.ours() == {vmid}
    assert world.redeploy(app).state == AppState.RUNNING
    assert world.ours() == {vmid}


def test_a_guest_made_anew_after_a_loss_may_have_another_key(world: World) -> None:
    app = world.deploy()
    before = world.guest(app)
    world.pve.faults.remove_behind(before.vmid)
    assert world.redeploy(app).state == AppState.RUNNING
    after = world.guest(app)
    assert after.incarnation == before.incarnation + 1
    assert world.ours() == {after.vmid}


@pytest.mark.parametrize("is_first", [True, False])
def test_a_half_made_guest_is_not_taken_for_a_finished_one(world: World, is_first: bool) -> None:
    """Its marker is there and its digest is right, and its firewall is missing."""
    if is_first:
        operation = world.begin()
    else:
        before = world.deploy()
        world.pve.faults.remove_behind(world.guest(before).vmid)
        operation = deployments.redeploy(world.platform, ACTOR, before.id)
    digest = made_in_part(world, operation)
    app = world.go(operation)
    guest = world.guest(app)
    assert app.state == AppState.RUNNING
    assert "an earlier attempt left half a guest; it is removed first" in world.log(app)
    wall = world.pve.hypervisor.firewalls[guest.vmid]  # type: ignore[attr-defined]
    assert wall.enabled
    assert len(wall.rules) >= 3
    with world.platform.store.read() as session:
        assert session.scalars(select(Guest.applied_values)).one() == digest


def made_in_part(world: World, operation: OperationView) -> str:
    """The worker dies as soon as the guest itself is made; returns the digest of a whole one."""
    digests = []

    def make(_attempt: object, spec: GuestSpec, *_: object, **__: object) -> None:
        target = world.target()
        values = target.values(spec)
        digests.append(provision._digest(target, values))
        given = {name: values[name] for name in ("vmid", "hostname", "pool", "description")}
        given |= {"ostemplate": values["template"], "rootfs": f"{values['storage']}:5"}
        upid = target.proxmox.post(f"/nodes/{spec.node}/lxc", unprivileged=1, **given)
        target.proxmox.wait_task(upid, 60)
        raise LeaseLost("the worker is gone")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(provision, "_run_terraform", make)
        world.go(operation)
    with world.platform.store.write() as session:
        session.execute(update(Operation).values(lease_until=None, holder=None))
        session.execute(update(Guest).values(applied_values=digests[0]))
    return digests[0]


@pytest.mark.parametrize("kind", ["lxc", "vm"])
def test_a_moved_guest_is_taken_home_from_where_it_is(world: World, kind: str) -> None:
    app = world.deploy(kind)
    world.pve.faults.move(world.guest(app).vmid, "pve2")
    assert world.redeploy(app).state == AppState.RUNNING
    taken = downloads.terraform_zip(world.platform, ACTOR, app.id)
    assert taken_home.nodes(taken) == {"pve2"}
