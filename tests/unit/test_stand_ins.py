"""What stands for a part of the platform in other tests has all that the part has."""

import pytest

from paas.targets.proxmox.target import Interior
from paas.tools.ansible import Playbook
from tests.lab.faults.inside import NoPlay, PretendInside
from tests.targets.proxmox.world import FakeInside


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("real", "stand_in"),
    [(Playbook, NoPlay), (Interior, PretendInside), (Interior, FakeInside)],
)
def test_a_stand_in_lacks_nothing(real: type, stand_in: type) -> None:
    assert public(real) - public(stand_in) == set()
