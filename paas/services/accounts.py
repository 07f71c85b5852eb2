"""Signing in, staying signed in, signing out, and who a request therefore comes from.

Whoever does not sign in well learns nothing: one sentence, and the same work, whatever was wrong.
"""

import hmac
import secrets
from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from paas.domain.account_views import SignedIn, SignInView
from paas.domain.emails import spelled
from paas.domain.errors import NotFound, SecondFactorNeeded, Unauthenticated
from paas.domain.permissions import Permission, Role, Standing, granted
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services import passwords, second_factor, throttling
from paas.services.allowed import needs
from paas.services.own import own_user
from paas.store import accounts as people
from paas.store import audit
from paas.store.accounts import hash_of
from paas.store.base import utcnow
from paas.store.models import Tenant
from paas.store.people import Membership, SignIn, User

log = structlog.get_logger(__name__)

SIGNED_IN_FOR = timedelta(days=14)
NO_TENANT = 0
"""The tenant of an actor who is in none: nothing belongs to it."""
WRONG = "The e-mail address or the password is not right"
OVER = "This sign-in is over; sign in again"


def sign_in(
    platform: Platform,
    email: str,
    password: str,
    code: str | None = None,
    *,
    source: str = "",
    agent: str = "",
) -> SignedIn:
    """Sign a user in with a password and, where the second factor is on, with a code.

    ``code`` may be a recovery code. Raises ``SecondFactorNeeded`` when only the code is missing,
    ``TooMany`` during a pause, else ``Unauthenticated``.
    """
    address = spelled(email)
    attempt = throttling.begin(platform, address, source)
    with platform.store.read() as session:
        user = people.by_email(session, address)
    kept = user.password if user is not None and user.is_active else None
    if not passwords.matches(kept, password) or user is None or kept is None:
        raise Unauthenticated(WRONG)
    stronger = passwords.hashed(password) if passwords.outgrown(kept) else None
    try:
        with platform.store.write() as session:
            user = _proved(platform, session, user.id, kept, code)
            throttling.succeeded(session, attempt)
            user.password = stronger or kept
            return _begin(session, user, source, agent)
    except SecondFactorNeeded:
        throttling.give_back(platform, attempt)
        raise


def refresh(platform: Platform, token: str, *, source: str = "") -> SignedIn:
    """Take a refresh token for a new one and go on; raises ``Unauthenticated``.

    A token that was taken before ends the sign-in: of its two holders one has stolen it.
    """
    uuid, _, secret = token.partition(".")
    with platform.store.write() as session:
        found = session.scalar(select(SignIn).where(SignIn.uuid == uuid).with_for_update())
        if found is None or not _counts(found):
            raise Unauthenticated(OVER)
        user = session.get_one(User, found.user_id)
        if hmac.compare_digest(found.refresh or "", hash_of(secret)) and user.is_active:
            return _signed_in(session, user, found)
        found.revoked_at = utcnow()
        audit.record(
            session, _themself(user, found, source), "account.refresh.replayed", "user", user.uuid
        )
    log.warning("a refresh token came a second time; its sign-in was ended", user=user.uuid)
    raise Unauthenticated(OVER)


def identify(platform: Platform, sign_in_uuid: str, *, source: str = "") -> Actor:
    """Who a sign-in is now: role, tenant and standing are looked up, never remembered.

    Raises ``Unauthenticated`` when it has ended, has run out, or its user may not come in.
    """
    query = (
        select(SignIn, User, Membership.standing, Tenant.closed_at)
        .join(User, User.id == SignIn.user_id)
        .outerjoin(Tenant, Tenant.id == SignIn.tenant_id)
        .outerjoin(
            Membership,
            (Membership.user_id == User.id) & (Membership.tenant_id == SignIn.tenant_id),
        )
        .where(SignIn.uuid == sign_in_uuid)
    )
    with platform.store.read() as session:
        row = session.execute(query).first()
    if row is None or not _counts(row.SignIn) or not row.User.is_active:
        raise Unauthenticated(OVER)
    tenant_id = row.SignIn.tenant_id if row.closed_at is None else None
    return actor_of(row.User, tenant_id, row.standing, source=source, sign_in=sign_in_uuid)


def actor_of(
    user: User,
    tenant_id: int | None,
    standing: str | None,
    *,
    source: str,
    sign_in: str | None = None,
) -> Actor:
    """A user as an actor in a tenant; who is not in it, or no longer, acts in none."""
    role = Role(user.role)
    inside = standing is not None or role is Role.ADMIN
    return Actor(
        tenant_id=tenant_id if tenant_id is not None and inside else NO_TENANT,
        name=user.email,
        permissions=granted(role, Standing(standing) if standing and tenant_id else None),
        role=role,
        user_id=user.id,
        source=source,
        sign_in=sign_in,
    )


@needs(Permission.ACCOUNT)
def sign_out(platform: Platform, actor: Actor) -> None:
    """End the sign-in that asks."""
    with platform.store.write() as session:
        user = own_user(session, actor)
        _end(session, actor, user, actor.sign_in or "")


@needs(Permission.ACCOUNT)
def sign_ins(platform: Platform, actor: Actor) -> tuple[SignInView, ...]:
    """Where the user is signed in now, newest first."""
    with platform.store.read() as session:
        user = own_user(session, actor)
        query = select(SignIn).where(
            SignIn.user_id == user.id, SignIn.revoked_at.is_(None), SignIn.expires_at > utcnow()
        )
        rows = session.scalars(query.order_by(SignIn.id.desc())).all()
    return tuple(
        SignInView(
            id=row.uuid,
            source=row.source,
            agent=row.agent,
            created_at=row.created_at,
            expires_at=row.expires_at,
            is_this=row.uuid == actor.sign_in,
        )
        for row in rows
    )


@needs(Permission.ACCOUNT)
def end_sign_in(platform: Platform, actor: Actor, uuid: str) -> None:
    """End one of the user's own sign-ins; raises ``NotFound``."""
    with platform.store.write() as session:
        user = own_user(session, actor)
        if not _end(session, actor, user, uuid):
            raise NotFound("Sign-in not found")


@needs(Permission.ACCOUNT)
def end_other_sign_ins(platform: Platform, actor: Actor) -> None:
    """End all of the user's sign-ins but the one that asks."""
    with platform.store.write() as session:
        user = own_user(session, actor)
        people.end_sign_ins(session, user.id, but=actor.sign_in)
        audit.record(session, actor, "account.sign_out.others", "user", user.uuid)


def _proved(
    platform: Platform, session: Session, user_id: int, kept: str, code: str | None
) -> User:
    """The user's locked row, now that the password fits and if the code does too."""
    user = session.get_one(User, user_id, with_for_update=people.LOCK)
    if not user.is_active or user.password != kept:
        # It was changed after the look.
        raise Unauthenticated(WRONG)
    if user.totp_confirmed_at is not None:
        if not code:
            raise SecondFactorNeeded("This account has a second factor: send its code too")
        if not second_factor.spend(platform.store.vault, user, code):
            raise Unauthenticated(second_factor.WRONG_CODE)
    return user


def _begin(session: Session, user: User, source: str, agent: str) -> SignedIn:
    now = utcnow()
    made = SignIn(
        user_id=user.id,
        tenant_id=_tenant_of(session, user),
        source=source[:64],
        agent=agent[:255],
        expires_at=now + SIGNED_IN_FOR,
    )
    session.add(made)
    user.last_login_at = now
    session.flush()
    audit.record(session, _themself(user, made, source), "account.sign_in", "user", user.uuid)
    return _signed_in(session, user, made)


def _signed_in(session: Session, user: User, found: SignIn) -> SignedIn:
    """Give a sign-in its next refresh token."""
    secret = secrets.token_urlsafe(32)
    found.refresh = hash_of(secret)
    view = people.view(session, user)
    tenant = session.get(Tenant, found.tenant_id) if found.tenant_id is not None else None
    slug = tenant.slug if tenant is not None else None
    return SignedIn(
        user=view,
        sign_in=found.uuid,
        tenant_id=found.tenant_id,
        tenant=next((one for one in view.tenants if one.slug == slug), None),
        expires_at=found.expires_at,
        refresh=f"{found.uuid}.{secret}",
    )


def _tenant_of(session: Session, user: User) -> int | None:
    """Where the user worked last, else the first tenant, for administrators ``default`` at last."""
    mine = (
        select(Membership.tenant_id)
        .join(Tenant, Tenant.id == Membership.tenant_id)
        .where(Membership.user_id == user.id, Tenant.closed_at.is_(None))
    )
    inside = session.scalars(mine.order_by(Membership.created_at, Tenant.id)).all()
    last = session.scalar(
        select(SignIn.tenant_id)
        .where(SignIn.user_id == user.id)
        .order_by(SignIn.id.desc())
        .limit(1)
    )
    if last in inside:
        return last
    if inside:
        return inside[0]
    if user.role == Role.ADMIN:
        return session.scalars(select(Tenant.id).where(Tenant.slug == "default")).one()
    return None


def _end(session: Session, actor: Actor, user: User, uuid: str) -> bool:
    found = session.scalar(select(SignIn).where(SignIn.uuid == uuid, SignIn.user_id == user.id))
    if found is None or not _counts(found):
        return False
    found.revoked_at = utcnow()
    audit.record(session, actor, "account.sign_out", "user", user.uuid)
    return True


def _counts(found: SignIn) -> bool:
    return found.revoked_at is None and found.expires_at > utcnow()


def _themself(user: User, found: SignIn, source: str) -> Actor:
    return Actor(found.tenant_id or NO_TENANT, user.email, user_id=user.id, source=source)
