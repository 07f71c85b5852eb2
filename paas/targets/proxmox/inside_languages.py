"""The languages that a guest has: asked for when they are needed, or before."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from paas.domain.errors import PaasError
from paas.domain.specs import BuildPlan, GuestSpec
from paas.targets.proxmox import inside_runtimes
from paas.targets.proxmox.inside_runtimes import Choice

# Nobody but the platform installs languages; a template's own updates come by the day.
EARLY_SECONDS = 600.0

Found = list[dict[str, str]]
"""Every version of one language, as the guest program's verb ``runtimes`` gives them."""
Key = tuple[str, int, str]


@dataclass(frozen=True)
class Early:
    """A look that was begun before it was needed."""

    looking: Future[Found]
    begun: float = field(default_factory=time.monotonic)

    def found(self) -> Found | None:
        """What it found; None when it failed, or is from too long ago."""
        if time.monotonic() - self.begun > EARLY_SECONDS:
            return None
        try:
            return self.looking.result()
        except PaasError:
            return None


class Languages:
    """``look`` asks a guest for the versions of a plan's language."""

    def __init__(self, look: Callable[[GuestSpec, BuildPlan], Found]) -> None:
        self._look = look
        self._early: dict[Key, Early] = {}

    def begin(
        self, guest: GuestSpec, plan: BuildPlan | None, connect: Callable[[], object]
    ) -> None:
        """Let another thread connect to the guest and then look; without a plan only connect.

        What goes wrong there goes wrong again for whoever needs it.
        """

        def look() -> Found:
            connect()
            return self._look(guest, plan) if plan else []

        pool = ThreadPoolExecutor(1, "warm-up")
        looking = pool.submit(look)
        pool.shutdown(wait=False)
        if plan:
            self._early[_key(guest, plan)] = Early(looking)

    def choose(self, guest: GuestSpec, plan: BuildPlan) -> Choice:
        """The program that the plan runs with; what was found early is used once."""
        early = self._early.pop(_key(guest, plan), None)
        found = early.found() if early else None
        found = self._look(guest, plan) if found is None else found
        return inside_runtimes.choose(plan, guest.hostname, found)


def _key(guest: GuestSpec, plan: BuildPlan) -> Key:
    return guest.uuid, guest.incarnation, plan.runtime
