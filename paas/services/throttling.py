"""Guessing made slow: by account and by address, with pauses that grow."""

import hashlib
import ipaddress
from dataclasses import dataclass

from sqlalchemy.orm import Session

from paas.domain.errors import TooMany
from paas.engine.platform import Platform
from paas.store import accounts as people
from paas.store import throttles

FREE_BY_ACCOUNT = 5
# Many people may share one address.
FREE_BY_ADDRESS = 30
FREE_LETTERS = 3


@dataclass(frozen=True)
class Attempt:
    """A try that counts as failed until it is said to be something else."""

    account: str
    address: str


def begin(platform: Platform, email: str, source: str) -> Attempt:
    """Count a try at the password of an account; raises ``TooMany`` during a pause.

    An address from which the user signed in before has a count of its own, so that a stranger
    who guesses cannot shut the user out. Addresses that are no account's count alike.
    """
    with platform.store.write() as session:
        known = source if people.signed_in_from(session, email, source) else ""
        attempt = Attempt(f"account:{_mark(email, known)}", f"address:{_mark(_network(source))}")
        _count(session, {attempt.account: FREE_BY_ACCOUNT, attempt.address: FREE_BY_ADDRESS})
    return attempt


def count_letter(session: Session, email: str, source: str) -> None:
    """Count a letter that someone asks for; raises ``TooMany`` when it is one of too many."""
    names = {
        f"letter:{_mark(email)}": FREE_LETTERS,
        f"letters:{_mark(_network(source))}": FREE_BY_ADDRESS,
    }
    _count(session, names)


def succeeded(session: Session, attempt: Attempt) -> None:
    """The try was the account's user; the address stays with what else it tried."""
    throttles.clear(session, attempt.account)
    throttles.give_back(session, attempt.address)


def forgive(session: Session, email: str) -> None:
    """Forget what strangers tried: the user has proved otherwise who they are."""
    throttles.clear(session, f"account:{_mark(email, '')}")


def give_back(platform: Platform, attempt: Attempt) -> None:
    """The try was neither right nor wrong."""
    with platform.store.write() as session:
        throttles.give_back(session, attempt.account)
        throttles.give_back(session, attempt.address)


def _count(session: Session, names: dict[str, int]) -> None:
    for name, free in names.items():
        pause = throttles.count(session, name, free)
        if pause:
            raise TooMany(
                f"There were too many tries; the next one is taken in {_words(pause)}",
                retry_after=pause,
            )


def _words(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} second{'s' if seconds != 1 else ''}"
    return f"{-(-seconds // 60)} minutes"


def _mark(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:48]


def _network(source: str) -> str:
    """The address, or for IPv6 the network that one customer of a provider has."""
    try:
        address = ipaddress.ip_address(source.partition("%")[0])
    except ValueError:
        return source
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))
