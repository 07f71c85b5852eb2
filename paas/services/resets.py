"""A forgotten password: a letter with a link, and a new password in its place."""

from sqlalchemy.orm import Session

from paas.domain.emails import spelled
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services import letters, passwords, throttling
from paas.services.accounts import NO_TENANT
from paas.store import accounts as people
from paas.store import audit
from paas.store.base import utcnow
from paas.store.people import Letter, User

TEXT = """\
Somebody, most likely you, asked for a new password of your account {email}.
Choose it here within an hour:

    {link}

If it was not you, do nothing: your password stays as it is.
"""


def ask(platform: Platform, email: str, *, source: str = "") -> None:
    """Send the link if there is such an account; the answer is the same if there is none.

    Raises ``TooMany`` when too many letters were asked for, to this address or from that one.
    """
    address = spelled(email)
    draft = None
    with platform.store.write() as session:
        throttling.count_letter(session, address, source)
        user = people.by_email(session, address)
        if user is not None and user.is_active:
            draft = _draft(session, platform, user, source)
    if draft is not None:
        letters.deliver_behind(platform, draft)


def whose(platform: Platform, secret: str) -> str:
    """The address whose password a link sets; raises ``NotFound`` when it works no more."""
    with platform.store.read() as session:
        return letters.find(session, letters.RESET, secret).email


def choose(platform: Platform, secret: str, password: str, *, source: str = "") -> None:
    """Set the new password and end all sign-ins.

    Raises ``NotFound`` for a link that works no more, ``Invalid`` for a password that cannot be
    taken; the link then goes on working. A second factor stays on.
    """
    email = whose(platform, secret)
    kept = passwords.accept(password, email)
    with platform.store.write() as session:
        user = people.by_email(session, email, lock=True)
        letter = letters.find(session, letters.RESET, secret, lock=True)
        letter.used_at = utcnow()
        if user is None or not user.is_active:
            return
        set_password(session, user, kept)
        throttling.forgive(session, user.email)
        themself = Actor(NO_TENANT, user.email, user_id=user.id, source=source)
        audit.record(session, themself, "account.password.reset", "user", user.uuid)


def set_password(session: Session, user: User, kept: str, *, but: str | None = None) -> None:
    """Give a user a new password: all sign-ins (but one) and all links for another end."""
    user.password = kept
    people.end_sign_ins(session, user.id, but=but)
    people.spend_letters(session, letters.RESET, user.email)


def _draft(session: Session, platform: Platform, user: User, source: str) -> letters.Draft:
    people.spend_letters(session, letters.RESET, user.email)
    letter = Letter(kind=letters.RESET, email=user.email, user_id=user.id)
    link = letters.add(session, platform, letter)
    somebody = Actor(NO_TENANT, "somebody", source=source)
    audit.record(session, somebody, "account.password.asked", "user", user.uuid)
    return letters.Draft(
        to=user.email,
        about="the link to a new password",
        subject="A new password",
        text=TEXT.format(email=user.email, link=link),
        link=link,
    )
