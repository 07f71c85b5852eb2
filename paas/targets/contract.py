"""What every target must be able to do. Targets know nothing of the database."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from paas.domain.errors import PaasError
from paas.domain.specs import BuildPlan, GuestSpec, ReleaseSpec, Resources
from paas.domain.views import Difference

Stop = Callable[[], PaasError | None]
"""Asked for the reason to end now; None while there is none."""

Log = Callable[[str, str], None]
"""``log(stream, line)``: one line of text, without its newline."""


class Presence(StrEnum):
    """Whose guest stands at a reserved place."""

    ABSENT = "absent"
    OURS = "ours"
    FOREIGN = "foreign"


@dataclass(frozen=True)
class Wanted:
    """What a place is asked for: ``index`` is the guest's never reused number, from 0.

    Nothing new goes to the nodes in ``without``; those in ``avoid`` are taken only when no other
    has room. ``placement`` may name ``nodes`` (a list, the only ones to choose among),
    ``storage``, ``bridge`` and ``vlan``, where the plan says other than the settings. A target
    without such things ignores them.
    """

    index: int
    port: int
    resources: Resources
    without: frozenset[str] = frozenset()
    avoid: frozenset[str] = frozenset()
    placement: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reserved:
    """A guest of ours that may exist; ``is_present`` when the target is known to have made it.

    ``storage`` is where its disk is; empty where there are no storages, or it is not known.
    """

    endpoint: str
    node: str
    address: str
    resources: Resources
    vmid: int
    is_present: bool
    storage: str = ""


@dataclass(frozen=True)
class Machine:
    """A node of an endpoint as the endpoint shows it now; memory in MB.

    ``cores_used`` is their load, as a part of ``cores``. Of one that is not online only name and
    address are known. ``leads`` is the one that the endpoint's URL leads to. ``is_open`` is
    whether the settings let guests be made there.
    """

    name: str
    address: str
    is_online: bool = True
    cores: int = 0
    cores_used: float = 0.0
    memory: int = 0
    memory_used: int = 0
    guests: int = 0
    leads: bool = False
    is_open: bool = True


@dataclass(frozen=True)
class Place:
    """Where a guest will be: chosen by the target, kept by the reservation.

    ``address`` is empty when the guest will be given one by the network. ``frozen`` is what
    must stay as it is for as long as the guest lives, such as template and storage.
    ``resources`` is what the guest gets when that is more than was asked for. ``free`` is the
    memory in MB that the node has left to promise, by which endpoints are compared.
    """

    endpoint: str
    node: str
    address: str
    frozen: Mapping[str, Any] = field(default_factory=dict)
    resources: Resources | None = None
    free: int = 0


@dataclass(frozen=True)
class Connection:
    """How Ansible reaches a guest: host variables for the inventory, trusted values only.

    ``files`` are secrets by name, written for the time of the play; ``{folder}`` in a variable
    is where they lie.
    """

    variables: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contact:
    """What the first contact with a guest taught: both empty where there is nothing to learn."""

    address: str = ""
    host_key: str = ""


@dataclass(frozen=True)
class Standing:
    """A guest that stands where ours live, whoever made it.

    ``marker`` is the one it carries, or empty. ``about`` is what its description says of the
    app (with its ``port``), and ``frozen`` what a reservation would have kept, for adoption.
    Where not ``is_readable``, the node is away and only number and name are known.
    """

    endpoint: str
    node: str
    vmid: int
    name: str
    marker: str
    resources: Resources
    address: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    frozen: Mapping[str, Any] = field(default_factory=dict)
    is_readable: bool = True


@dataclass(frozen=True)
class RuntimeLine:
    """One line of the app's own output; ``at`` is ISO 8601 in UTC, and sorts as text."""

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
    """A kind of place where guests live. All methods may raise ``PaasError``.

    ``Unreachable`` means that the answer is not known now, and never that a guest is absent.
    """

    name: str
    module: Path
    """The reviewed Terraform module of this target."""
    playbook: Path
    """The playbook that brings a release into one of its guests."""
    vmids: range
    """The numbers that its guests may have."""
    endpoint: str
    """The name of the cluster or host that its new guests live at."""
    url: str
    """Where that one is reached; empty for this machine."""

    def identity(self) -> str:
        """What the endpoint says of itself, so that another one is not taken for it."""

    def succeeds(self, known: str) -> bool:
        """Whether the endpoint is still the one that said ``known``, and has only grown."""

    def during(self, stop: Stop) -> "Target":
        """The same target for one attempt: before each change and in each wait it asks ``stop``
        for a reason to end, and raises it."""

    def refusals(self, framework: str) -> list[str]:
        """Sentences that say why this target cannot run the framework at all; empty if it can."""

    def plan_refusals(self, plan: BuildPlan) -> list[str]:
        """Sentences that say why this target cannot run this very plan (a language version)."""

    # Places.

    def machines(self) -> Sequence[Machine]:
        """The nodes of the endpoint."""

    def survey(self) -> object:
        """Look at what room there is, before ``place``; may take time and ask other machines."""

    def place(self, wanted: Wanted, reserved: Sequence[Reserved], survey: object) -> Place:
        """Choose a place, from the survey and what is reserved alone: a transaction waits.

        Raises ``StepFailed`` when there is no room.
        """

    def sizes(self, guest: GuestSpec, asked: Resources) -> Resources:
        """What this guest gets when its app asks for these: never less than it needs."""

    def taken_vmids(self, survey: object) -> frozenset[int]:
        """The numbers that the survey saw in use, whoever uses them."""

    def check_free(self, guest: GuestSpec) -> None:
        """Look whether anything but this guest uses its address; raises ``ForeignGuest``."""

    # Making and removing.

    def values(self, guest: GuestSpec) -> Mapping[str, object]:
        """The Terraform variables of the module, JSON-ready, literal, without secrets."""

    def environment(self, folder: Path) -> Mapping[str, str]:
        """What Terraform's providers are given besides; ``folder`` is for files they read."""

    def lock_name(self, guest: GuestSpec) -> str:
        """What only one operation may use at a time while it makes this guest; empty: nothing."""

    def is_passing(self, message: str) -> bool:
        """Whether this failure of Terraform passes by itself, so that it is worth a new try."""

    def meaning(self, message: str) -> str:
        """A failure of Terraform in a sentence for who can mend it; empty when it says enough."""

    def observe(self, guest: GuestSpec) -> Presence:
        """Look at the real place: is there a guest, and is it this one?

        Ours are those with our marker, and those that are proved to be made by us after
        ``preflight``, half-made ones included. Waits for a task that is making it.
        """

    def node_of(self, guest: GuestSpec) -> str:
        """The node on which the guest stands now; its row's when it cannot be told."""

    def moved_state(self, state: bytes, node: str) -> bytes:
        """The guest's Terraform state with another node, and a higher serial."""

    def under_way(self, guest: GuestSpec) -> Sequence[str]:
        """What is being done to the guest in our name at this moment, by whichever machine."""

    def imports(self, guest: GuestSpec) -> Mapping[str, str]:
        """What of our guest stands already, for a state that knows nothing of it: addresses in
        the configuration, and the identifiers that the provider finds them by."""

    def remove(self, guest: GuestSpec) -> None:
        """Remove a guest that is ours without Terraform, and everything that is left of it.

        Nothing happens when nothing is left. On return it is gone, volumes included.
        Raises ``ForeignGuest`` rather than touch another's.
        """

    def standing(self) -> Sequence[Standing]:
        """Every guest where ours live: in our range of numbers, or with our marker."""

    def differences(self, guest: GuestSpec) -> Sequence[Difference]:
        """How the guest differs from its row, each at most once.

        The names are ``presence`` (found ``absent`` or ``foreign``, and then no other), ``node``,
        ``cores``, ``cpu_limit`` (in cores, 0 for none), ``memory`` (MB), ``disk`` (GB), ``power``
        (``running`` or ``stopped``; wanted is what the guest's ``runs`` says).
        """

    # Configuring and serving.

    def connection(self, guest: GuestSpec) -> Connection:
        """How to reach the guest."""

    def warm_up(self, guest: GuestSpec, plan: BuildPlan | None) -> None:
        """Begin to reach a guest that stood a moment ago, beside other work.

        ``plan`` is what serves there, to which the next release is likely to be akin. Never
        fails: ``wait_ready`` comes after it, and meets what is wrong.
        """

    def wait_ready(self, guest: GuestSpec, deadline: float) -> Contact:
        """Return when the guest can be configured; ``deadline`` is in seconds from now.

        A guest that is switched off is started.
        """

    def variables(self, guest: GuestSpec, release: ReleaseSpec) -> Mapping[str, object]:
        """The extra variables that the playbook needs on this target."""

    def health(self, guest: GuestSpec, release: ReleaseSpec) -> Health:
        """One look at the new release, before it serves."""

    def switch(self, guest: GuestSpec, release: ReleaseSpec) -> None:
        """Let the release serve at the guest's address; the one before is drained and ended."""

    def serves(self, guest: GuestSpec) -> int | None:
        """The number of the release that the guest's address leads to; None for none."""

    def retire(self, guest: GuestSpec, release: ReleaseSpec) -> None:
        """End a release that does not serve, and remove its folder; idempotent."""

    def tidy(self, guest: GuestSpec, kept: Collection[ReleaseSpec]) -> None:
        """Remove what none of the ``kept`` releases needs, such as older dependencies."""

    # Power and snapshots.

    def stop(self, guest: GuestSpec) -> None:
        """End the app and whatever of its guest uses the machine; guest and data stay."""

    def shutdown(self, guest: GuestSpec, seconds: float) -> None:
        """The same, never by force; raises ``StepFailed`` when it has not ended in time."""

    def start(self, guest: GuestSpec) -> None:
        """Start the guest and the app's current release again."""

    def restart(self, guest: GuestSpec) -> None:
        """End the app and its guest, and start both again."""

    def revive(self, guest: GuestSpec) -> bool:
        """Bring back what the platform alone keeps running; True when there was something to do.

        A machine that somebody switched off stays off: that is a difference, to be answered.
        """

    def snapshot(self, guest: GuestSpec, name: str) -> bool:
        """Keep the guest as it is now; False where its storage cannot. Idempotent by name."""

    def restore(self, guest: GuestSpec, name: str) -> None:
        """Bring the guest back to a snapshot and let it run; ``StepFailed`` if it has none."""

    def prune_snapshots(self, guest: GuestSpec, keep: int) -> None:
        """Remove our snapshots but the ``keep`` newest."""

    # Reading.

    def runtime_log(
        self, guest: GuestSpec, *, limit: int, since: str = "", search: str = ""
    ) -> Iterator[RuntimeLine]:
        """The app's own output, oldest first, at most ``limit`` lines from the end.

        ``since`` (an ``at``) leaves older lines out, ``search`` those without that text.
        """
