"""What every target must be able to do. Targets know nothing of the database."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from paas.domain.specs import BuildPlan, GuestSpec, ReleaseSpec

Log = Callable[[str, str], None]
"""``log(stream, line)``: one line of text, without its newline."""


class Presence(StrEnum):
    """Whose guest stands at a reserved place."""

    ABSENT = "absent"
    OURS = "ours"
    FOREIGN = "foreign"


@dataclass(frozen=True)
class Place:
    """Where a guest will be: chosen by the target, kept by the reservation."""

    endpoint: str
    node: str
    address: str


@dataclass(frozen=True)
class Connection:
    """How Ansible reaches a guest: host variables for the inventory, trusted values only."""

    variables: Mapping[str, str]


@dataclass(frozen=True)
class RuntimeLine:
    """One line of the app's own output; ``at`` is ISO 8601 in UTC."""

    at: str
    stream: str
    text: str


@dataclass(frozen=True)
class Health:
    """One look at a release: ``ready`` when it answered below 500 from its own process tree.

    ``reason`` says in words what is missing; ``fatal`` that waiting longer is of no use.
    """

    ready: bool
    reason: str
    fatal: bool = False


class Target(Protocol):
    """A kind of place where guests live. All methods may raise ``PaasError``."""

    name: str
    module: Path
    """The reviewed Terraform module of this target."""

    def refusals(self, framework: str) -> list[str]:
        """Sentences that say why this target cannot run the framework at all; empty if it can."""

    def plan_refusals(self, plan: BuildPlan) -> list[str]:
        """Sentences that say why this target cannot run this very plan (a language version)."""

    def place(self, index: int, port: int, taken: frozenset[str]) -> Place:
        """Choose a place: ``index`` is the guest's never reused number, ``taken`` addresses.

        Raises ``StepFailed`` when there is no room.
        """

    def values(self, guest: GuestSpec) -> Mapping[str, object]:
        """The Terraform variables of the module, JSON-ready, literal."""

    def observe(self, guest: GuestSpec) -> Presence:
        """Look at the real place: is there a guest, and is it this one?"""

    def remove(self, guest: GuestSpec) -> None:
        """Remove a guest that is ours without Terraform; nothing happens when it is absent.

        Raises ``ForeignGuest`` rather than touch another's.
        """

    def connection(self, guest: GuestSpec) -> Connection:
        """How to reach the guest."""

    def wait_ready(self, guest: GuestSpec, deadline: float) -> None:
        """Return when the guest can be configured; ``deadline`` is in seconds from now."""

    def variables(self, guest: GuestSpec, release: ReleaseSpec) -> Mapping[str, object]:
        """The extra variables that the playbook needs on this target."""

    def health(self, guest: GuestSpec, release: ReleaseSpec) -> Health:
        """One look at the new release, before it serves."""

    def switch(self, guest: GuestSpec, release: ReleaseSpec) -> None:
        """Let the release serve at the guest's address; the one before is drained and ended."""

    def retire(self, guest: GuestSpec, release: ReleaseSpec) -> None:
        """End a release that does not serve, and remove its folder; idempotent."""

    def tidy(self, guest: GuestSpec, kept: Collection[ReleaseSpec]) -> None:
        """Remove what none of the ``kept`` releases needs, such as older dependencies."""

    def stop(self, guest: GuestSpec) -> None:
        """End the app, keep its guest and data."""

    def start(self, guest: GuestSpec) -> None:
        """Start the app's current release again."""

    def revive(self, guest: GuestSpec) -> bool:
        """Bring a guest that lost its supervisor back; True when there was something to do."""

    def runtime_log(self, guest: GuestSpec, *, limit: int) -> Iterator[RuntimeLine]:
        """The app's own output, oldest first, at most ``limit`` lines from the end."""
