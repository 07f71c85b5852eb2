"""The second factor of an account: codes of an authenticator app (TOTP), and recovery codes."""

import base64
import hmac
import re
import secrets
import time

import pyotp
import segno
from sqlalchemy.orm import Session

from paas.domain.account_views import Enrolment
from paas.domain.errors import Conflict, Invalid
from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services import passwords, throttling
from paas.services.allowed import needs
from paas.services.own import own_user
from paas.store import audit
from paas.store.accounts import hash_of
from paas.store.base import utcnow
from paas.store.crypt import Vault
from paas.store.people import User

ISSUER = "paas"
STEP_SECONDS = 30
# A clock may be one step ahead or behind.
STEPS_AROUND = (0, -1, 1)
RECOVERY_CODES = 10
WRONG_CODE = "The code is not right, or it was used before"
WRONG = "The password or the code is not right"


@needs(Permission.ACCOUNT)
def enrol(platform: Platform, actor: Actor) -> Enrolment:
    """A new secret to put into an authenticator app; it counts once ``confirm`` has seen a code."""
    secret = pyotp.random_base32()
    with platform.store.write() as session:
        user = own_user(session, actor, lock=True)
        if user.totp_confirmed_at is not None:
            raise Conflict("The second factor is on already; switch it off before you renew it")
        user.totp_secret = platform.store.vault.seal(secret.encode())
        user.totp_last_step = None
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER)
    picture = segno.make(uri, error="m").svg_inline(scale=4, dark="#000", light="#fff")
    return Enrolment(secret=secret, uri=uri, picture=picture)


@needs(Permission.ACCOUNT)
def confirm(platform: Platform, actor: Actor, code: str) -> tuple[str, ...]:
    """Switch the second factor on; returns the recovery codes, which are never shown again."""
    with platform.store.write() as session:
        user = own_user(session, actor, lock=True)
        if user.totp_secret is None or user.totp_confirmed_at is not None:
            raise Conflict("There is no second factor to confirm; begin with a new secret")
        if not _spend_step(platform.store.vault, user, _digits(code)):
            raise Invalid([WRONG_CODE])
        user.totp_confirmed_at = utcnow()
        codes = _new_codes(user)
        audit.record(session, actor, "account.second_factor.on", "user", user.uuid)
    return codes


@needs(Permission.ACCOUNT)
def renew_codes(platform: Platform, actor: Actor, password: str, code: str) -> tuple[str, ...]:
    """New recovery codes in place of all old ones."""
    attempt, verified = _prove_password(platform, actor, password)
    with platform.store.write() as session:
        user = _prove_code(platform, session, actor, verified, code)
        throttling.succeeded(session, attempt)
        codes = _new_codes(user)
        audit.record(session, actor, "account.second_factor.codes", "user", user.uuid)
    return codes


@needs(Permission.ACCOUNT)
def disable(platform: Platform, actor: Actor, password: str, code: str) -> None:
    """Switch the second factor off, with the password and a code (or a recovery code)."""
    attempt, verified = _prove_password(platform, actor, password)
    with platform.store.write() as session:
        user = _prove_code(platform, session, actor, verified, code)
        throttling.succeeded(session, attempt)
        forget(user)
        audit.record(session, actor, "account.second_factor.off", "user", user.uuid)


def forget(user: User) -> None:
    """Take the second factor from an account."""
    user.totp_secret = user.totp_confirmed_at = user.totp_last_step = None
    user.recovery_codes = []


def spend(vault: Vault, user: User, code: str) -> bool:
    """Whether the code is right; it never is again. The user's row must be locked."""
    digits = _digits(code)
    if re.fullmatch(r"[0-9]{6}", digits):
        return _spend_step(vault, user, digits)
    given = hash_of(_letters(code))
    left = [kept for kept in user.recovery_codes if not hmac.compare_digest(kept, given)]
    found = len(left) < len(user.recovery_codes)
    user.recovery_codes = left
    return found


def step_now() -> int:
    """The number of the time step that codes are of now."""
    return int(time.time()) // STEP_SECONDS


def _prove_password(
    platform: Platform, actor: Actor, password: str
) -> tuple[throttling.Attempt, str]:
    with platform.store.read() as session:
        user = own_user(session, actor)
    attempt = throttling.begin(platform, user.email, actor.source)
    if user.password is None or not passwords.matches(user.password, password):
        raise Invalid([WRONG])
    return attempt, user.password


def _prove_code(
    platform: Platform, session: Session, actor: Actor, verified: str, code: str
) -> User:
    user = own_user(session, actor, lock=True)
    if user.totp_confirmed_at is None:
        raise Conflict("The second factor is not on")
    if user.password != verified or not spend(platform.store.vault, user, code):
        raise Invalid([WRONG])
    return user


def _spend_step(vault: Vault, user: User, digits: str) -> bool:
    if user.totp_secret is None:
        return False
    totp = pyotp.TOTP(vault.open(user.totp_secret).decode())
    now = step_now()
    for step in (now + around for around in STEPS_AROUND):
        is_new = user.totp_last_step is None or step > user.totp_last_step
        if is_new and hmac.compare_digest(totp.generate_otp(step).encode(), digits.encode()):
            user.totp_last_step = step
            return True
    return False


def _new_codes(user: User) -> tuple[str, ...]:
    codes = tuple(_new_code() for _ in range(RECOVERY_CODES))
    user.recovery_codes = [hash_of(_letters(code)) for code in codes]
    return codes


def _new_code() -> str:
    """80 random bits in groups of four, such as ``k3vq-7wzd-hx2m-p5ta``."""
    text = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _digits(code: str) -> str:
    return code.replace(" ", "")


def _letters(code: str) -> str:
    return re.sub(r"[\s-]", "", code).lower()
