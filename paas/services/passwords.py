"""Passwords as hashes: argon2id with the figures that OWASP gives as its least (19 MiB, 2, 1)."""

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from paas.domain.errors import Invalid
from paas.domain.passwords import refusals

AT_ONCE = 4
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
# Each hash takes 19 MiB while it is made: a crowd at the sign-in must not take all memory.
_places = threading.BoundedSemaphore(AT_ONCE)
# The hash of no password that anyone knows, for accounts that do not exist: the answer takes
# as long. It is of this very strength, which test_passwords.py holds.
NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$UrRGu51H4vPfn/JhsXAgDg"
    "$7futPqg4wbApzNpeyJCEMQKbQhpbQWgF1SQ+hhaIDnM"
)


def hashed(password: str) -> str:
    """The hash to keep."""
    with _places:
        return _hasher.hash(_normal(password))


def matches(kept: str | None, password: str) -> bool:
    """Whether it is the password; takes the same time when there is none to compare with."""
    with _places:
        try:
            found = _hasher.verify(kept or NOBODY, _normal(password))
        except (VerificationError, InvalidHashError):
            return False
    return found and kept is not None


def outgrown(kept: str) -> bool:
    """Whether the hash was made with other figures than those of today."""
    return _hasher.check_needs_rehash(kept)


def accept(password: str, email: str) -> str:
    """The hash of a new password; raises ``Invalid`` when it cannot be taken."""
    broken = refusals(password, email)
    if broken:
        raise Invalid(broken)
    return hashed(password)


def _normal(password: str) -> str:
    # Keyboards write one and the same letter in several ways.
    return unicodedata.normalize("NFC", password)
