"""Signing in on pages, where the second factor's code comes a request after the password.

Between the two the browser keeps the password, sealed: the page itself never has it again, and
what is kept is of no use without this platform's key, or after five minutes.
"""

import json
from dataclasses import dataclass, field

from paas.domain.account_views import SignedIn
from paas.domain.errors import SecondFactorNeeded, SettingsError, Unauthenticated
from paas.engine.platform import Platform
from paas.services import accounts
from paas.store.base import utcnow

SECONDS = 300
LATE = "This took too long; begin again"


@dataclass(frozen=True)
class Half:
    """A sign-in that lacks its code: ``sealed`` is to be brought back with it."""

    sealed: str = field(repr=False)


def begin(
    platform: Platform, email: str, password: str, *, source: str = "", agent: str = ""
) -> SignedIn | Half:
    """Sign in, or get what the second step needs; raises what ``accounts.sign_in`` does."""
    try:
        return accounts.sign_in(platform, email, password, source=source, agent=agent)
    except SecondFactorNeeded:
        kept = {"email": email, "password": password, "at": utcnow().timestamp()}
        return Half(platform.store.vault.seal(json.dumps(kept).encode()).decode())


def finish(
    platform: Platform, half: Half, code: str, *, source: str = "", agent: str = ""
) -> SignedIn:
    """Sign in with the code; raises ``Unauthenticated`` for a wrong one, and when it is late."""
    try:
        kept = json.loads(platform.store.vault.open(half.sealed.encode()))
    except SettingsError:
        raise Unauthenticated(LATE) from None
    if utcnow().timestamp() - kept["at"] > SECONDS:
        raise Unauthenticated(LATE)
    return accounts.sign_in(
        platform, kept["email"], kept["password"], code, source=source, agent=agent
    )
