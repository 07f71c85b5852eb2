"""The users of a platform, as its administrators look after them."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from paas.domain import emails
from paas.domain.account_views import UserPage, UserView
from paas.domain.errors import Conflict, Invalid
from paas.domain.permissions import Permission, Role, Standing
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services import passwords, second_factor, throttling
from paas.services.allowed import needs
from paas.services.members import first_or_other, join
from paas.services.resets import set_password as replace_password
from paas.services.tenants import expect_room
from paas.store import accounts as people
from paas.store import audit, tenants
from paas.store.models import Tenant
from paas.store.people import User

LAST_ADMIN = "This is the last active administrator; make somebody else one first"


@needs(Permission.ADMIN_READ)
def page(
    platform: Platform,
    _actor: Actor,
    *,
    limit: int = 100,
    cursor: str | None = None,
    search: str = "",
) -> UserPage:
    """Users by number; ``search`` is a part of an address or name, ``cursor`` a page's own."""
    query = select(User).order_by(User.id).limit(limit + 1)
    if cursor is not None:
        query = query.where(User.id > _number(cursor))
    if search:
        parts = (User.email, User.first_name, User.last_name)
        query = query.where(or_(*(part.icontains(search, autoescape=True) for part in parts)))
    with platform.store.read() as session:
        found = session.scalars(query).all()
        views = people.views(session, found[:limit])
    return UserPage(views, str(views[-1].number) if len(found) > limit else None)


@needs(Permission.ADMIN_READ)
def get(platform: Platform, _actor: Actor, user: str) -> UserView:
    """One user by uuid; raises ``NotFound``."""
    with platform.store.read() as session:
        return people.view(session, people.by_uuid(session, user))


@needs(Permission.ADMIN_WRITE)
def create(
    platform: Platform,
    actor: Actor,
    email: str,
    password: str,
    *,
    tenant: str,
    role: Role = Role.USER,
    standing: Standing | None = None,
    alone: bool = True,
) -> UserView:
    """Make a user in the tenant of this name, which is made too when there is none.

    Without a ``standing`` the first of a tenant is its owner and all others are members.
    ``alone`` refuses to make a second tenant where tenants are not kept apart. Raises
    ``Invalid``, or ``Conflict`` when the address is taken.
    """
    try:
        address = emails.parse(email)
    except ValueError as error:
        raise Invalid([str(error)]) from error
    kept = passwords.accept(password, address)

    def work() -> UserView:
        with platform.store.write() as session:
            if people.by_email(session, address) is not None:
                raise Conflict(f"There is a user {address} already")
            found = _tenant(platform, session, actor, tenant, alone=alone)
            user = add(session, address, kept, role)
            join(session, user.id, found.id, standing or first_or_other(session, found.id))
            audit.record(
                session, actor, "user.create", "user", user.uuid, email=address, role=role.value
            )
            return people.view(session, user)

    return people.again(work)


@needs(Permission.ADMIN_WRITE)
def set_role(platform: Platform, actor: Actor, user: str, role: Role) -> UserView:
    """Make a user an administrator, or an administrator a user."""
    with platform.store.write() as session:
        found = _held(session, user, stays=role is Role.ADMIN)
        found.role = role
        audit.record(session, actor, "user.role", "user", user, role=role.value)
        return people.view(session, found)


@needs(Permission.ADMIN_WRITE)
def set_active(platform: Platform, actor: Actor, user: str, active: bool) -> UserView:
    """Shut a user out, with all sign-ins and tokens, or let the user in again.

    Sign-ins end for good; API tokens work again with their user.
    """
    with platform.store.write() as session:
        found = _held(session, user, stays=active)
        found.is_active = active
        if not active:
            people.end_sign_ins(session, found.id)
        action = "user.activate" if active else "user.deactivate"
        audit.record(session, actor, action, "user", user)
        return people.view(session, found)


@needs(Permission.ADMIN_WRITE)
def set_password(platform: Platform, actor: Actor, email: str, password: str) -> UserView:
    """Give the user with this address another password; all of the user's sign-ins end."""
    with platform.store.read() as session:
        user = people.by_email(session, emails.spelled(email))
    if user is None:
        raise people.no_user(email)
    kept = passwords.accept(password, user.email)
    with platform.store.write() as session:
        found = people.by_uuid(session, user.uuid, lock=True)
        replace_password(session, found, kept)
        throttling.forgive(session, found.email)
        audit.record(session, actor, "user.password", "user", found.uuid)
        return people.view(session, found)


@needs(Permission.ADMIN_WRITE)
def remove_second_factor(platform: Platform, actor: Actor, user: str) -> UserView:
    """Switch a user's second factor off, for who has lost both device and recovery codes."""
    with platform.store.write() as session:
        found = people.by_uuid(session, user, lock=True)
        second_factor.forget(found)
        audit.record(session, actor, "user.second_factor.off", "user", user)
        return people.view(session, found)


def add(session: Session, email: str, kept: str, role: Role) -> User:
    """The row of a new user, who is in no tenant yet."""
    session.add(user := User(email=email, password=kept, role=role))
    session.flush()
    return user


def _tenant(
    platform: Platform, session: Session, actor: Actor, name: str, *, alone: bool
) -> Tenant:
    found = tenants.by_slug(session, tenants.slug_of(name))
    if found is None:
        if alone:
            expect_room(platform, session)
        found = tenants.add(session, name)
        audit.record(session, actor, "tenant.create", "tenant", found.uuid, name=found.name)
    return tenants.find(session, found.uuid, lock=True)


def _held(session: Session, user: str, *, stays: bool) -> User:
    """A user's locked row; raises ``Conflict`` when no administrator would be left.

    ``stays`` is whether the user, if an administrator, is still one after the change.
    """
    admins = people.lock_admins(session)
    found = people.by_uuid(session, user, lock=True)
    if not stays and admins == {found.id}:
        raise Conflict(LAST_ADMIN)
    return found


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Invalid(["The cursor is not one of this list"])
    return int(cursor)
