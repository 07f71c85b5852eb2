"""The provider: from a mirror, locked to one build by the first init, renewed on request."""

import shutil
from pathlib import Path

import pytest

from paas.domain.errors import StepFailed
from paas.services import provider
from paas.settings import Settings
from paas.targets.proxmox.lxc import LxcTarget
from paas.targets.proxmox.vm import VmTarget
from paas.tools.terraform import Terraform, Workspace
from tests.tools.support import bench

from .world import binary


def prepared(folder: Path, mirror: Path, module: Path = LxcTarget.module) -> Path:
    """What an init of the installation leaves, for one of the modules."""
    workspace = Workspace.make(folder / module.name, module, {})
    shared = folder / "instance" / "terraform"
    return Terraform(binary(), workspace, bench(), None, shared, mirror=str(mirror)).prepare()


def other_build(mirror: Path, folder: Path) -> Path:
    """The same version with other bytes, as another machine would build it."""
    place = folder / "other"
    shutil.copytree(mirror, place)
    for file in place.rglob("terraform-provider-proxmox*"):
        with file.open("ab") as stream:
            stream.write(b"another build")
    return place


def test_the_first_init_locks_the_installation_for_both_modules(
    mirror: Path, tmp_path: Path
) -> None:
    first = prepared(tmp_path, mirror)
    second = prepared(tmp_path, mirror, VmTarget.module)
    locks = list((tmp_path / "instance" / "terraform").glob("providers-*.hcl"))
    assert len(locks) == 1
    kept = [(ready / ".terraform.lock.hcl").read_bytes() for ready in (first, second)]
    assert kept == [locks[0].read_bytes()] * 2
    assert prepared(tmp_path, mirror) == first


def test_another_build_is_refused_until_the_lock_is_renewed(mirror: Path, tmp_path: Path) -> None:
    prepared(tmp_path, mirror)
    other = other_build(mirror, tmp_path)
    shutil.rmtree(tmp_path / "instance" / "terraform" / "plugins")
    with pytest.raises(StepFailed, match="run `paas provider upgrade`"):
        prepared(tmp_path, other, VmTarget.module)
    settings = Settings(instance=tmp_path / "instance", terraform_mirror=str(other))
    assert [one.changed for one in provider.upgrade(settings)] == [True]
    assert [one.changed for one in provider.upgrade(settings)] == [False]
    prepared(tmp_path, other, VmTarget.module)


def test_a_mirror_without_the_provider_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(StepFailed, match=r"needs the provider bpg/proxmox .*MIRROR=.*must hold it"):
        prepared(tmp_path, empty)
    settings = Settings(instance=tmp_path / "instance", terraform_mirror=str(empty))
    with pytest.raises(StepFailed, match="must hold it"):
        provider.upgrade(settings)
    assert not list((tmp_path / "instance" / "terraform").glob("*.upgrade"))
