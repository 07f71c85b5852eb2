"""Users, their tenants and their sign-ins: how they are found, and as views."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import delete, exists, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from paas.domain.account_views import StandingView, UserView
from paas.domain.errors import NotFound
from paas.domain.permissions import Role, Standing
from paas.store import throttles
from paas.store.base import utcnow
from paas.store.models import Tenant
from paas.store.people import Letter, Membership, SignIn, User

Made = TypeVar("Made")

KEPT_FOR = timedelta(days=90)
NO_USER = "User not found"
# Rows that point at a locked one can still be added: whoever adds a membership and whoever signs
# in would wait for each other else.
LOCK = {"key_share": True}


def again(work: Callable[[], Made]) -> Made:
    """Do the work, and once more if a name it looked for was taken between look and insert.

    On PostgreSQL two may both pass the look; the index decides, and at the next look the loser
    sees who won. ``work`` is a whole transaction.
    """
    try:
        return work()
    except IntegrityError:
        return work()


def hash_of(secret: str) -> str:
    """What is kept of a secret that a machine made; it is long enough to need no more."""
    return hashlib.sha256(secret.encode()).hexdigest()


def by_email(session: Session, email: str, *, lock: bool = False) -> User | None:
    """The user with this address in its one spelling."""
    query = select(User).where(User.email == email)
    return session.scalar(query.with_for_update(key_share=True) if lock else query)


def by_uuid(session: Session, uuid: str, *, lock: bool = False) -> User:
    """A user, active or not; raises ``NotFound``."""
    query = select(User).where(User.uuid == uuid)
    found = session.scalar(query.with_for_update(key_share=True) if lock else query)
    if found is None:
        raise NotFound(NO_USER)
    return found


def no_user(email: str) -> NotFound:
    """That there is no user with this address."""
    return NotFound(f"There is no user {email[:100]}")


def signed_in_from(session: Session, email: str, source: str) -> bool:
    """Whether the user with this address has signed in from there before."""
    query = select(SignIn.id).join(User, User.id == SignIn.user_id)
    found = exists(query.where(User.email == email, SignIn.source == source))
    return bool(source) and bool(session.scalar(select(found)))


def view(session: Session, user: User) -> UserView:
    """One user with all tenants."""
    return views(session, [user])[0]


def views(session: Session, users: Sequence[User]) -> tuple[UserView, ...]:
    """Users with their tenants, in the order given."""
    tenants = standings(session, [user.id for user in users])
    return tuple(_view(user, tuple(tenants[user.id])) for user in users)


def standings(session: Session, user_ids: Iterable[int]) -> dict[int, list[StandingView]]:
    """Each user's open tenants by name."""
    query = (
        select(Membership.user_id, Membership.standing, Tenant.uuid, Tenant.slug, Tenant.name)
        .join(Tenant, Tenant.id == Membership.tenant_id)
        .where(Membership.user_id.in_(list(user_ids)), Tenant.closed_at.is_(None))
        .order_by(Tenant.name, Tenant.id)
    )
    found: dict[int, list[StandingView]] = defaultdict(list)
    for row in session.execute(query):
        found[row.user_id].append(StandingView(row.uuid, row.slug, row.name, row.standing))
    return found


def standing(session: Session, user_id: int, tenant_id: int) -> Standing | None:
    """What a user is in a tenant."""
    row = session.get(Membership, (user_id, tenant_id))
    return Standing(row.standing) if row else None


def lock_admins(session: Session) -> set[int]:
    """The active administrators, held until the transaction ends: nobody else changes them."""
    query = select(User.id).where(User.role == Role.ADMIN, User.is_active).order_by(User.id)
    return set(session.scalars(query.with_for_update(key_share=True)))


def end_sign_ins(session: Session, user_id: int, *, but: str | None = None) -> None:
    """End all sign-ins of a user, or all but one."""
    query = update(SignIn).where(SignIn.user_id == user_id, SignIn.revoked_at.is_(None))
    if but is not None:
        query = query.where(SignIn.uuid != but)
    session.execute(query.values(revoked_at=utcnow()))


def spend_letters(session: Session, kind: str, email: str, tenant_id: int | None = None) -> None:
    """Let no earlier letter of this kind to this address (for this tenant) work any more."""
    query = update(Letter).where(
        Letter.kind == kind, Letter.email == email, Letter.used_at.is_(None)
    )
    if tenant_id is not None:
        query = query.where(Letter.tenant_id == tenant_id)
    session.execute(query.values(used_at=utcnow()))


def forget(session: Session) -> None:
    """Remove what no longer counts: old throttles, and sign-ins and letters long out of date.

    A sign-in is kept for a while after its end, because it says where its user comes from.
    """
    now = utcnow()
    throttles.prune(session, now)
    for table in (SignIn, Letter):
        session.execute(delete(table).where(table.expires_at < now - KEPT_FOR))


def _view(user: User, tenants: tuple[StandingView, ...]) -> UserView:
    return UserView(
        number=user.id,
        id=user.uuid,
        email=user.email,
        first_name=user.first_name,
        last_name=user.last_name,
        role=user.role,
        is_active=user.is_active,
        has_second_factor=user.totp_confirmed_at is not None,
        created_at=user.created_at,
        last_login_at=user.last_login_at,
        tenants=tenants,
    )
