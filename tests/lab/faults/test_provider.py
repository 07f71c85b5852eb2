"""Terraform does not get its provider."""

import shutil
from pathlib import Path

from paas.domain.states import AppState
from tests.lab.faults.conftest import Open
from tests.lab.faults.table import Row
from tests.lab.faults.world import World


def own_folder(world: World) -> Path:
    """A folder for Terraform that no other test has prepared."""
    folder = world.platform.folder("terraform")
    folder.unlink()
    folder.mkdir()
    return folder


def test_provider_missing(opening: Open, row: Row, tmp_path: Path) -> None:
    world = opening(terraform_mirror=str(tmp_path))
    own_folder(world)
    app = world.settle(world.deploy())
    row.says(app.error_message)
    world.check()
    assert (app.state, world.ours()) == (AppState.FAILED, set())


def test_provider_changed(opening: Open, row: Row, tmp_path: Path, provider_mirror: Path) -> None:
    other = shutil.copytree(provider_mirror, tmp_path / "mirror")
    world = opening(terraform_mirror=str(other))
    own_folder(world)
    # The lock is made by the first deployment; another kind of guest needs the provider anew.
    assert world.deploy().state == AppState.RUNNING
    before = world.ours()
    for program in other.rglob("terraform-provider-*"):
        program.write_bytes(program.read_bytes() + b"another build")
    app = world.settle(world.deploy("vm"))
    row.says(app.error_message)
    world.check()
    assert (app.state, world.ours()) == (AppState.FAILED, before)
