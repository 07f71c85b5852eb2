"""What an actor may do. Each use case names the one permission that it needs."""

from collections.abc import Iterable
from enum import StrEnum


class Permission(StrEnum):
    """The scopes of API tokens are these words too."""

    APPS_READ = "apps:read"
    APPS_WRITE = "apps:write"
    APPS_DEPLOY = "apps:deploy"
    ENV_WRITE = "env:write"
    LOGS_READ = "logs:read"
    STATE_READ = "state:read"
    PLANS_READ = "plans:read"
    USAGE_READ = "usage:read"
    ACCOUNT = "account"
    TENANT_READ = "tenant:read"
    TENANT_WRITE = "tenant:write"
    ADMIN_READ = "admin:read"
    ADMIN_WRITE = "admin:write"


class Role(StrEnum):
    """What a user is on this platform."""

    USER = "user"
    ADMIN = "admin"


class Standing(StrEnum):
    """What a user is in a tenant."""

    OWNER = "owner"
    MEMBER = "member"


ALL = frozenset(Permission)
ADMINS_ALONE = frozenset({Permission.ADMIN_READ, Permission.ADMIN_WRITE})
OWNERS_ALONE = frozenset({Permission.TENANT_WRITE})

# Whoever may change a thing sees it: an answer to a change shows what became of it.
_SEES = {
    Permission.APPS_WRITE: Permission.APPS_READ,
    Permission.APPS_DEPLOY: Permission.APPS_READ,
    Permission.ENV_WRITE: Permission.APPS_READ,
    Permission.LOGS_READ: Permission.APPS_READ,
    Permission.STATE_READ: Permission.APPS_READ,
    Permission.TENANT_WRITE: Permission.TENANT_READ,
    Permission.ADMIN_WRITE: Permission.ADMIN_READ,
}


def covered(scopes: Iterable[str]) -> frozenset[Permission]:
    """The permissions that the scopes of a token stand for; a word that is none is left out."""
    named = {Permission(scope) for scope in scopes if scope in ALL}
    return frozenset(named | {_SEES[one] for one in named if one in _SEES})


def granted(role: Role, standing: Standing | None) -> frozenset[Permission]:
    """What a user of this role may do in a tenant in which he stands so (None: not at all)."""
    if role is Role.ADMIN:
        return ALL
    if standing is None:
        return frozenset({Permission.ACCOUNT})
    if standing is Standing.OWNER:
        return ALL - ADMINS_ALONE
    return ALL - ADMINS_ALONE - OWNERS_ALONE
