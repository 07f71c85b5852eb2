"""Named API tokens: for scripts, with a part of what their user may do."""

import secrets
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from paas.domain.account_views import NewToken, TokenView
from paas.domain.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from paas.domain.permissions import Permission, covered
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services.accounts import NO_TENANT, actor_of
from paas.services.allowed import needs
from paas.services.own import account, own_user
from paas.store import audit
from paas.store.accounts import hash_of
from paas.store.base import utcnow
from paas.store.models import Tenant
from paas.store.people import ApiToken, Membership, User

BEGINS = "paas_"
SHOWN = 12
LONGEST_NAME = 100
AT_MOST = 100
USE_NOTED_EVERY = timedelta(minutes=1)
BAD = "The token is not valid; it may be misspelt or of another platform"


@needs(Permission.ACCOUNT)
def create(
    platform: Platform,
    actor: Actor,
    name: str,
    scopes: Collection[str],
    *,
    expires_at: datetime | None = None,
) -> NewToken:
    """Make a token for the tenant the user works in; only this answer ever has its text.

    ``scopes`` are permissions, of which the user must have all. None for ``expires_at`` is a
    token that lives until it is revoked.
    """
    wanted = _checked(actor, name, scopes, expires_at)
    secret = BEGINS + secrets.token_urlsafe(32)
    with platform.store.write() as session:
        user = own_user(session, actor, lock=True)
        if actor.tenant_id == NO_TENANT:
            raise Forbidden("A token is for a tenant, and you are in none")
        mine = select(func.count()).where(
            ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None)
        )
        if session.scalars(mine).one() >= AT_MOST:
            raise Conflict(f"You have {AT_MOST} tokens; revoke one that is of no use any more")
        made = ApiToken(
            user_id=user.id,
            tenant_id=actor.tenant_id,
            name=name.strip(),
            hash=hash_of(secret),
            begins=secret[:SHOWN],
            scopes=wanted,
            expires_at=expires_at,
        )
        session.add(made)
        session.flush()
        audit.record(
            session, actor, "token.create", "token", made.uuid, name=made.name, scopes=wanted
        )
        return NewToken(_view(session, made), secret)


@needs(Permission.ACCOUNT)
def listing(platform: Platform, actor: Actor) -> tuple[TokenView, ...]:
    """The user's tokens of all tenants that were not revoked, expired ones included."""
    with platform.store.read() as session:
        user = account(session, actor)
        query = select(ApiToken).where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))
        rows = session.scalars(query.order_by(ApiToken.id.desc())).all()
        return tuple(_view(session, row) for row in rows)


@needs(Permission.ACCOUNT)
def revoke(platform: Platform, actor: Actor, uuid: str) -> None:
    """End one of the user's tokens; raises ``NotFound``."""
    with platform.store.write() as session:
        user = own_user(session, actor)
        query = select(ApiToken).where(ApiToken.uuid == uuid, ApiToken.user_id == user.id)
        found = session.scalar(query.with_for_update())
        if found is None or found.revoked_at is not None:
            raise NotFound("Token not found")
        found.revoked_at = utcnow()
        audit.record(session, actor, "token.revoke", "token", uuid, name=found.name)


def identify_token(platform: Platform, raw: str, *, source: str = "") -> Actor:
    """Whom a token works for, with what its scopes leave of what the user may do now.

    ``role`` stays the user's (it decides about rate limits). Raises ``Unauthenticated``.
    """
    query = (
        select(ApiToken, User, Membership.standing, Tenant.closed_at)
        .join(User, User.id == ApiToken.user_id)
        .join(Tenant, Tenant.id == ApiToken.tenant_id)
        .outerjoin(
            Membership,
            (Membership.user_id == User.id) & (Membership.tenant_id == ApiToken.tenant_id),
        )
        .where(ApiToken.hash == hash_of(raw))
    )
    with platform.store.read() as session:
        row = session.execute(query).first()
    if row is None or not row.User.is_active or row.closed_at is not None:
        raise Unauthenticated(BAD)
    token: ApiToken = row.ApiToken
    if token.revoked_at is not None:
        raise Unauthenticated("The token was revoked")
    if token.expires_at is not None and token.expires_at <= utcnow():
        raise Unauthenticated("The token has expired; make a new one")
    _note_use(platform, token)
    actor = actor_of(row.User, token.tenant_id, row.standing, source=source)
    return replace(actor, permissions=actor.permissions & covered(token.scopes))


def _checked(
    actor: Actor, name: str, scopes: Collection[str], expires_at: datetime | None
) -> list[str]:
    broken = []
    if not name.strip() or len(name.strip()) > LONGEST_NAME or not name.isprintable():
        broken.append(f"The name must have 1 to {LONGEST_NAME} characters")
    known = {str(one) for one in Permission}
    held = {str(one) for one in actor.permissions}
    if not scopes:
        broken.append("A token needs at least one scope")
    for scope in sorted(set(scopes)):
        if scope not in known:
            broken.append(f"There is no scope {scope[:50]!a}; there are {', '.join(sorted(known))}")
        elif scope not in held:
            broken.append(f"You do not have the permission {scope} yourself")
    if expires_at is not None and expires_at <= utcnow():
        broken.append("The token would have expired already")
    if broken:
        raise Invalid(broken)
    return sorted(set(scopes))


def _note_use(platform: Platform, token: ApiToken) -> None:
    """Write the time down, at most once a minute: every request would be a change else."""
    now = utcnow()
    edge = now - USE_NOTED_EVERY
    if token.last_used_at is not None and token.last_used_at > edge:
        return
    stale = or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= edge)
    with platform.store.write() as session:
        session.execute(
            update(ApiToken).where(ApiToken.id == token.id, stale).values(last_used_at=now)
        )


def _view(session: Session, token: ApiToken) -> TokenView:
    return TokenView(
        id=token.uuid,
        name=token.name,
        begins=token.begins,
        tenant=session.get_one(Tenant, token.tenant_id).slug,
        scopes=tuple(token.scopes),
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
    )
