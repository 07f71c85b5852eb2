"""What a browser shows in a URL to follow an app, because it cannot send a header there.

A URL stands in logs and histories: a ticket is good for one stream of one app, once, within a
minute, and for reading logs alone.
"""

import hashlib
import json
import secrets
from datetime import timedelta

from paas.domain.errors import Unauthenticated
from paas.domain.permissions import Permission, Role
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services import accounts
from paas.services.allowed import needs
from paas.services.apps import find
from paas.store import accounts as people
from paas.store import tickets
from paas.store.base import utcnow
from paas.store.people import StreamTicket, User

SECONDS = 60
KEPT = ("name", "role", "user_id", "sign_in")
REFUSED = (
    "This ticket is not valid: each opens one stream of one application, once, within a minute"
)


@needs(Permission.LOGS_READ)
def issue(platform: Platform, actor: Actor, app_id: str) -> str:
    """A new ticket for the actor to follow this app; raises ``NotFound``."""
    ticket = secrets.token_urlsafe(32)
    now = utcnow()
    with platform.store.write() as session:
        row = StreamTicket(
            hash=_digest(ticket),
            app_id=find(session, actor, app_id).id,
            tenant_id=actor.tenant_id,
            user_id=actor.user_id,
            actor=json.dumps({name: getattr(actor, name) for name in KEPT}),
            expires_at=now + timedelta(seconds=SECONDS),
        )
        tickets.add(session, row, now)
    return ticket


def redeem(platform: Platform, app_id: str, ticket: str) -> Actor:
    """Whose ticket it is, who may then read logs and nothing else.

    Raises ``Unauthenticated`` for a ticket that was used, is too old, or is another app's.
    """
    with platform.store.write() as session:
        found = tickets.take(session, _digest(ticket), app_id, utcnow())
    if found is None:
        raise Unauthenticated(REFUSED)
    tenant_id, about = found
    known = json.loads(about)
    return Actor(
        tenant_id,
        permissions=frozenset({Permission.LOGS_READ}),
        **{**known, "role": Role(known["role"])},
    )


@needs(Permission.LOGS_READ)
def is_good(platform: Platform, actor: Actor) -> bool:
    """Whether a ticket's stream may go on: its user is in that team, active and signed in still.

    Whoever shows an API token has no sign-in to end.
    """
    if actor.user_id is None:
        return True
    if actor.sign_in is None:
        with platform.store.read() as session:
            user = session.get_one(User, actor.user_id)
            standing = people.standing(session, user.id, actor.tenant_id)
            return user.is_active and (standing is not None or user.role == Role.ADMIN)
    try:
        now = accounts.identify(platform, actor.sign_in)
    except Unauthenticated:
        return False
    return now.tenant_id == actor.tenant_id and Permission.LOGS_READ in now.permissions


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).hexdigest()
