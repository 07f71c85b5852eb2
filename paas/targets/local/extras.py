"""What the contract asks and a guest on this machine has no part in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from paas.domain.errors import StepFailed
from paas.domain.specs import BuildPlan, GuestSpec, Resources
from paas.domain.views import Difference
from paas.targets.contract import Standing, Stop


class WithoutMachine:
    """A guest without a machine of its own: no node, no lock, no snapshot, no provider."""

    endpoint = "local"
    url = ""

    def identity(self) -> str:
        return ""

    def succeeds(self, known: str) -> bool:  # noqa: ARG002
        return False

    def during(self, stop: Stop) -> Self:  # noqa: ARG002 (nothing here waits for long)
        return self

    def sizes(self, guest: GuestSpec, asked: Resources) -> Resources:  # noqa: ARG002
        return asked

    def taken_vmids(self, survey: object) -> frozenset[int]:  # noqa: ARG002
        return frozenset()

    def survey(self) -> object:
        return None

    def warm_up(self, guest: GuestSpec, plan: BuildPlan | None) -> None:
        """Nothing leads to it but files and sockets."""

    def check_free(self, guest: GuestSpec) -> None:
        """Loopback addresses of the network that the settings name are ours alone."""

    def environment(self, folder: Path) -> Mapping[str, str]:  # noqa: ARG002
        return {}

    def lock_name(self, guest: GuestSpec) -> str:  # noqa: ARG002
        return ""

    def is_passing(self, message: str) -> bool:  # noqa: ARG002
        return False

    def meaning(self, message: str) -> str:  # noqa: ARG002
        return ""

    def node_of(self, guest: GuestSpec) -> str:
        return guest.node

    def moved_state(self, state: bytes, node: str) -> bytes:  # noqa: ARG002
        return state

    def under_way(self, guest: GuestSpec) -> Sequence[str]:  # noqa: ARG002 (other machines' guests)
        return ()

    def imports(self, guest: GuestSpec) -> Mapping[str, str]:  # noqa: ARG002
        return {}

    def standing(self) -> Sequence[Standing]:
        return ()

    def differences(self, guest: GuestSpec) -> Sequence[Difference]:  # noqa: ARG002
        return ()

    def snapshot(self, guest: GuestSpec, name: str) -> bool:  # noqa: ARG002
        return False

    def restore(self, guest: GuestSpec, name: str) -> None:
        raise StepFailed(f"The guest {guest.hostname} has no snapshot {name}.")

    def prune_snapshots(self, guest: GuestSpec, keep: int) -> None:
        """There is nothing to prune."""
