"""The people of a tenant: its owners look after who they are."""

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from paas.domain.account_views import MemberView
from paas.domain.emails import spelled
from paas.domain.errors import Conflict, NotFound
from paas.domain.permissions import Permission, Standing
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services.allowed import needs
from paas.services.own import own_user
from paas.services.tenants import theirs
from paas.store import accounts as people
from paas.store import audit
from paas.store.base import utcnow
from paas.store.models import Tenant
from paas.store.people import ApiToken, Membership, SignIn, User

NOT_IN = "There is no such member"


@needs(Permission.TENANT_READ)
def members(
    platform: Platform, actor: Actor, *, tenant: str | None = None
) -> tuple[MemberView, ...]:
    """Who is in the actor's tenant, or for administrators in the one named by its uuid."""
    with platform.store.read() as session:
        found = theirs(session, actor, tenant)
        query = (
            select(User, Membership)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.tenant_id == found.id)
            .order_by(User.email)
        )
        return tuple(_view(row.User, row.Membership) for row in session.execute(query))


@needs(Permission.ADMIN_WRITE)
def add(
    platform: Platform,
    actor: Actor,
    email: str,
    standing: Standing,
    *,
    tenant: str | None = None,
) -> None:
    """Put a user who has an account into a tenant at once.

    This is for administrators, who see all users. Owners invite: they must not find out by this
    who has an account here.
    """
    with platform.store.write() as session:
        found = theirs(session, actor, tenant, lock=True)
        user = people.by_email(session, spelled(email))
        if user is None:
            raise NotFound(people.NO_USER)
        if not join(session, user.id, found.id, standing):
            raise Conflict("The user is in this tenant already")
        audit.record(
            session,
            actor,
            "member.add",
            "user",
            user.uuid,
            standing=standing.value,
            in_tenant=found.id,
        )


@needs(Permission.TENANT_WRITE)
def set_standing(
    platform: Platform,
    actor: Actor,
    user: str,
    standing: Standing,
    *,
    tenant: str | None = None,
) -> None:
    """Make a member an owner, or an owner a member; a tenant keeps at least one owner."""
    with platform.store.write() as session:
        found = theirs(session, actor, tenant, lock=True)
        row = _member(session, user, found)
        if standing is not Standing.OWNER:
            _expect_other_owner(session, row)
        row.standing = standing
        audit.record(
            session,
            actor,
            "member.standing",
            "user",
            user,
            standing=standing.value,
            in_tenant=found.id,
        )


@needs(Permission.TENANT_WRITE)
def remove(platform: Platform, actor: Actor, user: str, *, tenant: str | None = None) -> None:
    """Take a user out of a tenant, with the tokens that the user had there."""
    with platform.store.write() as session:
        found = theirs(session, actor, tenant, lock=True)
        row = _member(session, user, found)
        _expect_other_owner(session, row)
        _take_out(session, row)
        audit.record(session, actor, "member.remove", "user", user, in_tenant=found.id)


@needs(Permission.ACCOUNT)
def leave(platform: Platform, actor: Actor) -> None:
    """Leave the tenant that the user works in."""
    with platform.store.write() as session:
        user = own_user(session, actor)
        found = theirs(session, actor, None, lock=True)
        row = _member(session, user.uuid, found)
        _expect_other_owner(session, row)
        _take_out(session, row)
        audit.record(session, actor, "member.leave", "user", user.uuid)


def join(session: Session, user_id: int, tenant_id: int, standing: Standing) -> bool:
    """Put a user into a tenant whose row is locked; False when the user is in it already."""
    if session.get(Membership, (user_id, tenant_id)) is not None:
        return False
    session.add(Membership(user_id=user_id, tenant_id=tenant_id, standing=standing))
    session.flush()
    return True


def first_or_other(session: Session, tenant_id: int) -> Standing:
    """What a newcomer is if nobody says so: the owner of a tenant that has none, else a member."""
    return Standing.MEMBER if _owners(session, tenant_id) else Standing.OWNER


def _owners(session: Session, tenant_id: int) -> set[int]:
    query = select(Membership.user_id).where(
        Membership.tenant_id == tenant_id, Membership.standing == Standing.OWNER
    )
    return set(session.scalars(query))


def _member(session: Session, user: str, tenant: Tenant) -> Membership:
    query = select(Membership).join(User, User.id == Membership.user_id)
    row = session.scalar(query.where(User.uuid == user, Membership.tenant_id == tenant.id))
    if row is None:
        raise NotFound(NOT_IN)
    return row


def _expect_other_owner(session: Session, row: Membership) -> None:
    """The tenant's row is locked, so that two owners cannot take each other out at once."""
    if _owners(session, row.tenant_id) == {row.user_id}:
        raise Conflict("This is the tenant's last owner; make somebody else an owner first")


def _take_out(session: Session, row: Membership) -> None:
    mine = (ApiToken.user_id == row.user_id, ApiToken.tenant_id == row.tenant_id)
    session.execute(
        update(ApiToken).where(*mine, ApiToken.revoked_at.is_(None)).values(revoked_at=utcnow())
    )
    session.execute(
        update(SignIn)
        .where(SignIn.user_id == row.user_id, SignIn.tenant_id == row.tenant_id)
        .values(tenant_id=None)
    )
    session.execute(
        delete(Membership).where(
            Membership.user_id == row.user_id, Membership.tenant_id == row.tenant_id
        )
    )


def _view(user: User, row: Membership) -> MemberView:
    return MemberView(
        id=user.uuid,
        email=user.email,
        first_name=user.first_name,
        last_name=user.last_name,
        standing=row.standing,
        is_active=user.is_active,
        created_at=row.created_at,
    )
