"""How many requests a documented API takes, as it says itself; ``limits`` holds them to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from paas.domain.permissions import Role
from paas.domain.specs import Actor


@dataclass(frozen=True)
class Rates:
    """Rates such as ``100 per minute``; an empty one is no bound.

    ``anonymous``, ``user`` and ``admin`` are counted for each user, or for each address where
    nobody says who he is. ``address`` is counted for each address whoever asks there, and
    ``below`` has the rates that paths and everything under them have besides, likewise for each
    address. ``spares_local`` leaves out what comes from this very machine.
    """

    anonymous: str = ""
    user: str = ""
    admin: str = ""
    address: str = ""
    below: Mapping[str, str] = field(default_factory=dict)
    spares_local: bool = False

    def of_role(self, actor: Actor | None) -> str:
        """The rate that is counted for whoever asks; None is nobody."""
        if actor is None:
            return self.anonymous
        return self.admin if actor.role is Role.ADMIN else self.user

    def of_address(self, path: str) -> str:
        """The rates that are counted for the address from which this path is asked for."""
        fitting = (
            rate
            for claim, rate in self.below.items()
            if path == claim or path.startswith(f"{claim}/")
        )
        return "; ".join(rate for rate in (*fitting, self.address) if rate)


BY_ROLE = Rates("10 per minute", "100 per minute", "1000 per minute")
BY_ROLE_ELSEWHERE = replace(BY_ROLE, spares_local=True)
_ENTRANCES = ("/sign-in", "/forgotten", "/reset", "/invitation")
PAGES = Rates(
    address="1200 per minute",
    below=dict.fromkeys(_ENTRANCES, "60 per minute"),
    spares_local=True,
)
"""Of the pages: an open one asks every two seconds, and each user may have many open."""
