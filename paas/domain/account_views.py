"""What is told of accounts: frozen, and never a hash or a sealed secret. Times are UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class StandingView:
    """A tenant and what a user is in it: ``owner`` or ``member``."""

    id: str
    slug: str
    name: str
    standing: str


@dataclass(frozen=True)
class UserView:
    """A person. ``number`` is the id of documents that have whole numbers, ``id`` a uuid."""

    number: int
    id: str
    email: str
    first_name: str
    last_name: str
    role: str
    is_active: bool
    has_second_factor: bool
    created_at: datetime
    last_login_at: datetime | None
    tenants: tuple[StandingView, ...] = ()


@dataclass(frozen=True)
class UserPage:
    """Users by their number, upwards; ``next_cursor`` is None on the last page."""

    users: tuple[UserView, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class SignedIn:
    """A sign-in that counts from now on.

    Access tokens carry ``sign_in``. ``refresh`` is the whole refresh token as the client gets
    it, and it counts once. ``tenant`` is where the user works, None when in no tenant.
    """

    user: UserView
    sign_in: str
    tenant_id: int | None
    tenant: StandingView | None
    expires_at: datetime
    refresh: str = field(repr=False)


@dataclass(frozen=True)
class SignInView:
    """One of a user's own sign-ins; ``is_this`` is the one that asks."""

    id: str
    source: str
    agent: str
    created_at: datetime
    expires_at: datetime
    is_this: bool


@dataclass(frozen=True)
class TokenView:
    """A named token; ``begins`` are its first characters, by which a person knows it."""

    id: str
    name: str
    begins: str
    tenant: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True)
class NewToken:
    """A token in the one moment when it can be read."""

    view: TokenView
    token: str = field(repr=False)


@dataclass(frozen=True)
class TenantView:
    """A tenant with how many people and living apps it has."""

    id: str
    slug: str
    name: str
    members: int
    apps: int


@dataclass(frozen=True)
class MemberView:
    """A user in a tenant."""

    id: str
    email: str
    first_name: str
    last_name: str
    standing: str
    is_active: bool
    created_at: datetime


@dataclass(frozen=True)
class InvitationView:
    """An open invitation. ``is_known`` is whether the address has an account already.

    ``says`` is a sentence about its letter right after it was written, else empty.
    """

    id: str
    email: str
    tenant: str
    standing: str
    invited_by: str
    created_at: datetime
    expires_at: datetime
    is_known: bool = False
    says: str = ""


@dataclass(frozen=True)
class Enrolment:
    """A second factor that is being set up: the secret as text, as a link, as an SVG picture."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    picture: str = field(repr=False)


@dataclass(frozen=True)
class AuditView:
    """One change. ``tenant`` is a slug, None for what belongs to no tenant."""

    id: int
    at: datetime
    tenant: str | None
    actor: str
    source: str
    action: str
    kind: str
    object: str
    details: Mapping[str, Any]


@dataclass(frozen=True)
class AuditPage:
    """Changes, newest first; ``next_cursor`` is None on the last page."""

    entries: tuple[AuditView, ...]
    next_cursor: str | None
