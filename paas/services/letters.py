"""Letters with a link that works once. Where no letter can be sent, the log has the link."""

import secrets
import threading
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from paas.domain.errors import NotFound, Unavailable
from paas.domain.mail_server import MailServer
from paas.engine.platform import Platform
from paas.settings import Settings
from paas.store.accounts import hash_of
from paas.store.base import utcnow
from paas.store.people import Letter
from paas.tools import mail

log = structlog.get_logger(__name__)

RESET = "reset"
INVITATION = "invitation"
PATHS = {RESET: "/reset/", INVITATION: "/invitation/"}
"""Pages that a link leads to; the secret follows."""
LASTS = {RESET: timedelta(hours=1), INVITATION: timedelta(days=7)}
DEAD_LINK = "This link was used before or is too old; ask for another"
SENT_AT_ONCE = 4

_places = threading.BoundedSemaphore(SENT_AT_ONCE)


@dataclass(frozen=True)
class Draft:
    """A letter whose row is committed; ``link`` is in no other place."""

    to: str
    about: str
    subject: str
    text: str
    link: str


def add(session: Session, platform: Platform, letter: Letter) -> str:
    """Keep a letter of a kind, give it its time and its secret; returns the link."""
    secret = secrets.token_urlsafe(32)
    letter.hash = hash_of(secret)
    letter.expires_at = utcnow() + LASTS[letter.kind]
    session.add(letter)
    session.flush()
    return public_url(platform.settings) + PATHS[letter.kind] + secret


def find(session: Session, kind: str, secret: str, *, lock: bool = False) -> Letter:
    """The letter of a link that still works; raises ``NotFound``."""
    query = select(Letter).where(
        Letter.hash == hash_of(secret),
        Letter.kind == kind,
        Letter.used_at.is_(None),
        Letter.expires_at > utcnow(),
    )
    # Whoever locks takes the tenant first, then the user, then the letter.
    query = query.with_for_update().execution_options(populate_existing=True) if lock else query
    found = session.scalar(query)
    if found is None:
        raise NotFound(DEAD_LINK)
    return found


def deliver(platform: Platform, draft: Draft) -> str:
    """Send a letter, never within a transaction; returns a sentence about what came of it.

    Whatever happens to the letter, its link is not lost: the log has it when nobody took it.
    """
    settings = platform.settings
    if not settings.smtp_url:
        log.warning(
            f"no mail server is set, so here is {draft.about}", to=draft.to, link=draft.link
        )
        return f"There is no mail server (PAAS_SMTP_URL): the log has the link for {draft.to}."
    letter = mail.Letter(settings.mail_from, draft.to, draft.subject, draft.text)
    try:
        mail.send(MailServer.parse(settings.smtp_url), letter)
    except Unavailable as error:
        log.warning(f"{error.message}; here is {draft.about}", to=draft.to, link=draft.link)
        return f"{error.message}. The log has the link."
    return f"A letter was sent to {draft.to}."


def deliver_behind(platform: Platform, draft: Draft) -> None:
    """Send a letter while the request goes on: how long it takes must tell nobody anything."""
    if not _places.acquire(blocking=False):
        log.warning(
            f"too many letters wait for the mail server; here is {draft.about}",
            to=draft.to,
            link=draft.link,
        )
        return

    def work() -> None:
        try:
            deliver(platform, draft)
        finally:
            _places.release()

    threading.Thread(target=work, name="letter", daemon=True).start()


def public_url(settings: Settings) -> str:
    """Where people reach the platform, without a slash at the end."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = settings.host if settings.host not in ("", "0.0.0.0", "::") else "localhost"  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
