"""Guests that no row speaks for, as after a database was restored: adopted, or removed."""

from collections.abc import Iterator

import pytest
from sqlalchemy import delete, select

from paas.store import models, setup
from paas.store.commerce import Run
from tests.lab import live
from tests.lab.lab import Lab
from tests.lab.live import KEEPING, LabPlatform

# In an order that breaks no reference.
ROWS_OF_AN_APP = (
    models.Event,
    Run,
    models.Operation,
    models.Deployment,
    models.Release,
    models.Guest,
)


@pytest.fixture(scope="module")
def platform(lab: Lab) -> Iterator[LabPlatform]:
    with live.running(lab) as made:
        yield made


def forget(platform: LabPlatform, app: str) -> None:
    """Wipe everything about an app from the database, as if it had been made after the backup."""
    store = setup.open_store(platform.settings)
    try:
        with store.write() as session:
            key = session.scalars(select(models.App.id).where(models.App.uuid == app)).one()
            works = select(models.Operation.id).where(models.Operation.app_id == key)
            guests = select(models.Guest.id).where(models.Guest.app_id == key)
            session.execute(delete(models.Step).where(models.Step.operation_id.in_(works)))
            keys = models.IdempotencyKey
            session.execute(delete(keys).where(keys.operation_id.in_(works)))
            states = models.StateVersion
            session.execute(delete(states).where(states.guest_id.in_(guests)))
            for table in ROWS_OF_AN_APP:
                session.execute(delete(table).where(table.app_id == key))
            session.execute(delete(models.App).where(models.App.id == key))
    finally:
        store.close()


@pytest.mark.parametrize("kind", ["lxc", "vm"])
def test_a_guest_without_a_row_is_adopted_and_redeployed_with_its_data(
    platform: LabPlatform, kind: str
) -> None:
    name = f"found-{kind}"
    app = platform.begin(kind, platform.lab.git.add(name, KEEPING), name)
    vmid = platform.runs(app)["vm_id"]
    born = platform.page(app).text
    forget(platform, app)
    said = platform.cli("reconcile", "--dry-run")
    assert f"paas adopt {vmid}" in said
    assert platform.strays() == {"unknown": [vmid]}
    platform.cli("reconcile")
    assert platform.lab.ground.hypervisor.is_running(vmid)
    platform.cli("adopt", str(vmid))
    assert platform.strays() == {}
    (again,) = [one["id"] for one in platform.listed() if one["name"] == name]
    found = platform.act(again, "redeploy")
    assert (found["error_message"], found["vm_id"]) == (None, vmid)
    assert platform.page(again).text == born
    assert platform.drift(again) == {}


@pytest.mark.parametrize("kind", ["lxc", "vm"])
def test_a_guest_without_a_row_is_removed(platform: LabPlatform, kind: str) -> None:
    name = f"lost-{kind}"
    app = platform.begin(kind, platform.lab.git.add(name, KEEPING), name)
    vmid = platform.runs(app)["vm_id"]
    forget(platform, app)
    platform.cli("remove", str(vmid), "--yes")
    assert platform.lab.pve.guest(vmid) is None
    assert platform.strays() == {}
