"""Users and tenants for tests, put into the database as they are, and how they sign in."""

import dataclasses
import re
from itertools import count

from sqlalchemy import select

from paas.domain.account_views import SignedIn
from paas.domain.permissions import Role, Standing
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services import accounts, passwords
from paas.store.models import Tenant
from paas.store.people import AuditEntry, Membership, User

PASSWORD = "a password for tests"
HASH = passwords.hashed(PASSWORD)
_numbers = count(1)


def add_tenant(platform: Platform, slug: str) -> int:
    with platform.store.write() as session:
        session.add(made := Tenant(slug=slug, name=slug.title()))
        session.flush()
        return made.id


def add_user(
    platform: Platform,
    email: str = "",
    *,
    tenant_id: int | None = 1,
    standing: Standing = Standing.MEMBER,
    role: Role = Role.USER,
) -> str:
    """The address of a new user, who is in the default tenant if nothing else is said."""
    email = email or f"user-{next(_numbers)}@example.com"
    with platform.store.write() as session:
        session.add(user := User(email=email, password=HASH, role=role))
        session.flush()
        if tenant_id is not None:
            session.add(Membership(user_id=user.id, tenant_id=tenant_id, standing=standing))
    return email


def signed_in(platform: Platform, email: str, *, source: str = "192.0.2.1") -> SignedIn:
    return accounts.sign_in(platform, email, PASSWORD, source=source)


def actor(platform: Platform, email: str) -> Actor:
    """The user, signed in."""
    return accounts.identify(platform, signed_in(platform, email).sign_in, source="192.0.2.1")


def owner(platform: Platform, **about: object) -> Actor:
    """An owner of the default tenant, or of ``tenant_id``."""
    about.setdefault("standing", Standing.OWNER)
    return actor(platform, add_user(platform, **about))  # type: ignore[arg-type]


def admin(platform: Platform) -> Actor:
    return actor(platform, add_user(platform, role=Role.ADMIN))


def with_settings(platform: Platform, **changes: object) -> Platform:
    """The platform under other settings."""
    settings = dataclasses.replace(platform.settings, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(platform, settings=settings)


def shared(platform: Platform) -> Platform:
    """The platform, where a second tenant may be made."""
    return with_settings(platform, local_unsafe=True)


def actions(platform: Platform) -> list[str]:
    """What the audit log has, in order, without sign-ins."""
    with platform.store.read() as session:
        found = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    return [action for action in found if action != "account.sign_in"]


def uuid_of(platform: Platform, email: str) -> str:
    with platform.store.read() as session:
        return session.scalars(select(User.uuid).where(User.email == email)).one()


def link_in(text: str, kind: str) -> str:
    """The secret of the link to a page of this kind in a letter."""
    (secret,) = re.findall(rf"http://\S+/{kind}/(\S+)", text)
    return str(secret)
