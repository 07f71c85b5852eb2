"""Tenants: the teams that share a platform and see nothing of each other."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from paas.domain.account_views import StandingView, TenantView
from paas.domain.errors import Conflict, Forbidden, NotFound
from paas.domain.permissions import Permission, Role
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services.allowed import needs
from paas.services.own import account, own_user
from paas.store import accounts as people
from paas.store import audit, tenants
from paas.store.base import utcnow
from paas.store.models import Tenant
from paas.store.people import ApiToken, Letter, Membership, SignIn


def count(platform: Platform) -> int:
    """How many tenants there are; from the second on no door is open."""
    with platform.store.read() as session:
        return tenants.count(session)


@needs(Permission.ADMIN_WRITE)
def create(platform: Platform, actor: Actor, name: str) -> TenantView:
    """Make a tenant, without members yet; raises ``Invalid``, or ``Conflict`` for a taken name."""

    def work() -> TenantView:
        with platform.store.write() as session:
            expect_room(platform, session)
            made = tenants.add(session, name)
            audit.record(session, actor, "tenant.create", "tenant", made.uuid, name=made.name)
            return TenantView(made.uuid, made.slug, made.name, 0, 0)

    return people.again(work)


@needs(Permission.ADMIN_READ)
def everyone(platform: Platform, _actor: Actor) -> tuple[TenantView, ...]:
    """All tenants by name."""
    with platform.store.read() as session:
        return tenants.views(session)


@needs(Permission.ACCOUNT)
def mine(platform: Platform, actor: Actor) -> tuple[StandingView, ...]:
    """The tenants that the user is in."""
    with platform.store.read() as session:
        user = account(session, actor)
        return tuple(people.standings(session, [user.id])[user.id])


@needs(Permission.TENANT_READ)
def here(platform: Platform, actor: Actor) -> StandingView:
    """The tenant that the actor works in, and as what; administrators may be nothing in it."""
    with platform.store.read() as session:
        found = theirs(session, actor, None)
        standing = people.standing(session, actor.user_id, found.id) if actor.user_id else None
        return StandingView(found.uuid, found.slug, found.name, standing or "")


@needs(Permission.TENANT_WRITE)
def rename(platform: Platform, actor: Actor, name: str, *, tenant: str | None = None) -> None:
    """Give the actor's tenant another name, or for administrators the one named by its uuid.

    The slug stays, since links and scripts have it.
    """
    name = tenants.checked_name(name)
    with platform.store.write() as session:
        found = theirs(session, actor, tenant, lock=True)
        audit.record(
            session,
            actor,
            "tenant.rename",
            "tenant",
            found.uuid,
            in_tenant=found.id,
            old=found.name,
            new=name,
        )
        found.name = name


@needs(Permission.ADMIN_WRITE)
def close(platform: Platform, actor: Actor, tenant: str) -> None:
    """End a tenant: its members leave, its tokens and invitations end, its name is free again.

    Raises ``Conflict`` while it has apps, and for the default tenant, which the open door is for.
    What was counted and noted of it stays.
    """
    with platform.store.write() as session:
        found = tenants.find(session, tenant, lock=True)
        if found.slug == tenants.DEFAULT:
            raise Conflict("The default tenant is always there")
        apps = tenants.living_apps(session, found.id)
        if apps:
            raise Conflict(
                f"The tenant still has {apps} app{'s' if apps != 1 else ''}; delete them first"
            )
        audit.record(
            session,
            actor,
            "tenant.close",
            "tenant",
            found.uuid,
            in_tenant=found.id,
            name=found.name,
        )
        _close(session, found)


@needs(Permission.ACCOUNT)
def switch(platform: Platform, actor: Actor, tenant: str) -> StandingView:
    """Let this sign-in work in another tenant of the user; raises ``NotFound``.

    Its tokens stay good. An administrator may work in every tenant.
    """
    with platform.store.write() as session:
        user = own_user(session, actor)
        found = tenants.find(session, tenant)
        standing = people.standing(session, user.id, found.id)
        if standing is None and user.role != Role.ADMIN:
            raise NotFound("Tenant not found")
        session.execute(
            update(SignIn).where(SignIn.uuid == actor.sign_in).values(tenant_id=found.id)
        )
        audit.record(session, actor, "account.switch", "tenant", found.uuid)
        return StandingView(found.uuid, found.slug, found.name, standing or "")


def theirs(session: Session, actor: Actor, tenant: str | None, *, lock: bool = False) -> Tenant:
    """The actor's tenant, or for administrators any by its uuid; else ``NotFound``."""
    query = select(Tenant.uuid).where(Tenant.id == actor.tenant_id)
    uuid = session.scalar(query)
    if tenant is not None and tenant != uuid and Permission.ADMIN_WRITE in actor.permissions:
        uuid = tenant
    if uuid is None or tenant not in (None, uuid):
        raise NotFound("Tenant not found")
    return tenants.find(session, uuid, lock=lock)


def expect_room(platform: Platform, session: Session) -> None:
    """Raise ``Forbidden`` where a second tenant would not be kept apart from the first."""
    settings = platform.settings
    if settings.target == "local" and not settings.local_unsafe and tenants.count(session):
        raise Forbidden(
            "Target local is for people who trust each other, so it has one tenant. Set "
            "PAAS_LOCAL_UNSAFE=1 if the tenants here do, or use target proxmox"
        )


def _close(session: Session, found: Tenant) -> None:
    now = utcnow()
    found.closed_at = now
    # A slug is unique among all rows, closed ones too.
    found.slug = found.uuid
    for row in session.scalars(select(Membership).where(Membership.tenant_id == found.id)):
        session.delete(row)
    session.execute(
        update(ApiToken)
        .where(ApiToken.tenant_id == found.id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    session.execute(
        update(Letter)
        .where(Letter.tenant_id == found.id, Letter.used_at.is_(None))
        .values(used_at=now)
    )
    session.execute(update(SignIn).where(SignIn.tenant_id == found.id).values(tenant_id=None))
