"""Templates built in the lab: real guests are made of them, and know nothing of one another."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from paas.domain.specs import GuestSpec
from paas.domain.states import GuestType
from paas.engine import assembly
from paas.engine.platform import Platform
from paas.services import template_building
from paas.settings import Settings
from paas.store import setup
from paas.targets.contract import Presence
from paas.targets.proxmox.building import Builder
from paas.targets.proxmox.inside import Inside
from tests.lab import ground
from tests.lab.lab import Lab

# What is read in a guest: whose it is, and what it was given.
LOOK = """
cat /etc/machine-id
cat /etc/ssh/ssh_host_ed25519_key.pub | cut -d' ' -f2
ls -d /var/lib/paas 2>/dev/null || echo fresh
command -v python3
/usr/local/lib/paas/bin/uv --version || uv --version
id -un app
"""
SECONDS = 120.0


@pytest.fixture
def platform(lab: Lab, tmp_path: Path) -> Iterator[Platform]:
    plain = {"lxc_template": ground.PLAIN_TEMPLATE, "vm_template": str(ground.PLAIN_VM_TEMPLATE)}
    given = lab.environ(tmp_path / "i", vmids="190000-190099", **plain)
    settings = Settings.read({**given, "PAAS_REDIS_URL": "redis://127.0.0.1:1/0"})
    for who in ("paas@pve", "paas@pve!platform"):
        lab.pve.grant(f"/vms/{ground.PLAIN_VM_TEMPLATE}", who, "PaaSClone")
    setup.prepare(settings)
    made = assembly.build(settings)
    yield made
    made.store.close()


def look(platform: Platform, kind: GuestType, template: str) -> tuple[list[str], GuestSpec]:
    """What stands in a new guest of a template; the guest is gone on return."""
    target = template_building._target(platform, kind, template)
    inside = target.inside
    assert isinstance(inside, Inside)
    guest = template_building._reserve(platform, target, kind)
    try:
        Builder(target, inside).make(guest)
        contact = target.wait_ready(guest, SECONDS)
        guest = replace(guest, address=contact.address, host_key=contact.host_key)
        done = inside.call(guest, ["sh", "-c", LOOK], deadline=SECONDS)
        assert done.code == 0, done.errors
    finally:
        target.remove(guest)
    assert target.observe(guest) is Presence.ABSENT
    return done.output.decode().split("\n"), guest


@pytest.mark.parametrize("kind", GuestType)
def test_guests_of_a_built_template_have_its_languages_and_are_themselves(
    lab: Lab, platform: Platform, kind: GuestType
) -> None:
    said: list[str] = []
    made = template_building.build(platform, kind, ["python"], "", said.append)
    assert made.setting == f"PAAS_PROXMOX_{kind.upper()}_TEMPLATE"
    assert said[-1].startswith("Making it a template" if kind is GuestType.VM else "Removing")
    first, _ = look(platform, kind, made.value)
    second, _ = look(platform, kind, made.value)
    for machine_id, host_key, state, python, uv, user, *_ in (first, second):
        assert len(machine_id) == 32
        assert host_key
        assert (state, python, user) == ("fresh", "/usr/bin/python3", "app")
        assert uv.startswith("uv ")
    assert first[:2] != second[:2]
    standing = {guest.vmid for guest in lab.pve.on_loop(lambda: [*lab.pve.vms, *lab.pve.cts])}
    ours = {vmid for vmid in standing if 190000 <= vmid < 190100}
    assert ours == ({int(made.value)} if kind is GuestType.VM else set())
    remove(lab, kind, made.value)


def remove(lab: Lab, kind: GuestType, template: str) -> None:
    """Leave the lab as it was."""
    if kind is GuestType.VM:
        lab.pve.run(lab.pve.forget(lab.pve.vm(int(template))))
        return
    volumes = lab.pve.storages["local"]["volumes"]
    lab.pve.on_loop(lambda: volumes.pop(template.partition(":")[2]))
