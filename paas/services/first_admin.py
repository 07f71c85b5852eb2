"""The administrator whom an empty installation begins with."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from paas.domain.permissions import Role, Standing
from paas.domain.specs import Actor
from paas.services import passwords, users
from paas.services.members import join
from paas.settings import Settings
from paas.store import audit, setup, tenants
from paas.store.models import Installation
from paas.store.people import User

EMAIL = "admin@localhost"


def email_of(settings: Settings) -> str:
    """The address of the first administrator."""
    return settings.admin_email.lower() or EMAIL


def make(settings: Settings, password: str) -> bool:
    """Make the first administrator, an owner of the default tenant, unless there is one.

    True when it was made just now, with this password. A user who has the address already stays
    what the user is. The instance must have been prepared.
    """
    email = email_of(settings)
    store = setup.open_store(settings)
    try:
        with store.read() as session:
            if _is_needless(session, email):
                return False
        kept = passwords.hashed(password)
        with store.write() as session:
            # Of two hosts that start at once on one database, the second finds the first's.
            session.get_one(Installation, 1, with_for_update=True)
            if _is_needless(session, email):
                return False
            _add(session, email, kept)
    finally:
        store.close()
    return True


def _is_needless(session: Session, email: str) -> bool:
    query = select(User.id).where(or_(User.role == Role.ADMIN, User.email == email)).limit(1)
    return session.scalar(query) is not None


def _add(session: Session, email: str, kept: str) -> None:
    user = users.add(session, email, kept, Role.ADMIN)
    tenant = tenants.by_slug(session, tenants.DEFAULT)
    if tenant is None:
        raise RuntimeError("the default tenant is made before anybody can be in it")
    join(session, user.id, tenant.id, Standing.OWNER)
    starter = Actor(tenant.id, "the first start")
    audit.record(session, starter, "user.create", "user", user.uuid, email=email, role=Role.ADMIN)
