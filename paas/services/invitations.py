"""Invitations into a tenant: a letter with a link, by which an account is made or joins."""

import dataclasses
from collections.abc import Mapping

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from paas.domain import emails
from paas.domain.account_views import InvitationView, UserView
from paas.domain.errors import Conflict, Invalid, NotFound
from paas.domain.permissions import Permission, Standing
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services import letters, members, passwords, throttling
from paas.services.allowed import needs
from paas.services.profile import name_refusals
from paas.services.tenants import theirs
from paas.store import accounts as people
from paas.store import audit
from paas.store.base import utcnow
from paas.store.models import Tenant
from paas.store.people import Letter, User

TEXT = """\
{by} invites you to the team {tenant}.
Come in here within seven days:

    {link}

If you know nothing of this, do nothing.
"""


@needs(Permission.TENANT_WRITE)
def invite(
    platform: Platform,
    actor: Actor,
    email: str,
    standing: Standing,
    *,
    tenant: str | None = None,
) -> InvitationView:
    """Invite somebody; an earlier invitation to the same address works no more.

    ``says`` of the answer tells whether the letter was sent, or where else its link is.
    """
    try:
        address = emails.parse(email)
    except ValueError as error:
        raise Invalid([str(error)]) from error
    with platform.store.write() as session:
        found = theirs(session, actor, tenant, lock=True)
        throttling.count_letter(session, address, f"tenant {found.id}")
        user = people.by_email(session, address)
        if user is not None and people.standing(session, user.id, found.id) is not None:
            raise Conflict("The user is in this tenant already")
        letter, draft = _write(session, platform, actor, found, address, standing)
        view = _view(session, letter, found)
    return dataclasses.replace(view, is_known=False, says=letters.deliver(platform, draft))


@needs(Permission.TENANT_WRITE)
def invitations(
    platform: Platform, actor: Actor, *, tenant: str | None = None
) -> tuple[InvitationView, ...]:
    """The open invitations of a tenant, newest first."""
    with platform.store.read() as session:
        found = theirs(session, actor, tenant)
        query = select(Letter).where(*_open(found)).order_by(Letter.id.desc())
        rows = [_view(session, letter, found) for letter in session.scalars(query)]
    # Whether an address has an account is for its own user alone.
    return tuple(dataclasses.replace(row, is_known=False) for row in rows)


@needs(Permission.TENANT_WRITE)
def withdraw(
    platform: Platform, actor: Actor, invitation: str, *, tenant: str | None = None
) -> None:
    """Take an open invitation back; raises ``NotFound``."""
    with platform.store.write() as session:
        found = theirs(session, actor, tenant)
        query = select(Letter).where(Letter.uuid == invitation, *_open(found))
        letter = session.scalar(query.with_for_update())
        if letter is None:
            raise NotFound("Invitation not found")
        letter.used_at = utcnow()
        audit.record(
            session, actor, "invitation.withdraw", "invitation", invitation, in_tenant=found.id
        )


def shown(platform: Platform, secret: str) -> InvitationView:
    """What a link invites to, for whoever holds it; raises ``NotFound`` when it works no more."""
    with platform.store.read() as session:
        letter = letters.find(session, letters.INVITATION, secret)
        return _view(session, letter, session.get_one(Tenant, letter.tenant_id))


def accept(
    platform: Platform,
    secret: str,
    *,
    password: str = "",
    first_name: str = "",
    last_name: str = "",
    source: str = "",
) -> UserView:
    """Come in: a new account is made with the name and password, one that exists just joins.

    The link proves whose address it is. Raises ``NotFound`` for a link that works no more,
    ``Invalid`` for a name or password that cannot be taken; the link then goes on working.
    """
    seen = shown(platform, secret)
    kept = None
    if not seen.is_known:
        broken = name_refusals("first_name", first_name) + name_refusals("last_name", last_name)
        if broken:
            raise Invalid(broken)
        kept = passwords.accept(password, seen.email)
    newcomer = {
        "email": seen.email,
        "password": kept,
        "first_name": first_name.strip(),
        "last_name": last_name.strip(),
    }

    def work() -> UserView:
        with platform.store.write() as session:
            return _come_in(session, secret, newcomer, source)

    return people.again(work)


def _come_in(
    session: Session, secret: str, newcomer: Mapping[str, str | None], source: str
) -> UserView:
    tenant_id = letters.find(session, letters.INVITATION, secret).tenant_id
    tenant = session.get_one(Tenant, tenant_id, with_for_update=people.LOCK)
    user = people.by_email(session, newcomer["email"] or "", lock=True)
    letter = letters.find(session, letters.INVITATION, secret, lock=True)
    if user is None:
        session.add(user := User(**newcomer))
        session.flush()
    if not user.is_active:
        raise NotFound(letters.DEAD_LINK)
    _enter(session, user, letter, tenant, source)
    return people.view(session, user)


def _enter(session: Session, user: User, letter: Letter, tenant: Tenant, source: str) -> None:
    letter.used_at = utcnow()
    members.join(session, user.id, tenant.id, Standing(letter.standing))
    themself = Actor(tenant.id, user.email, user_id=user.id, source=source)
    audit.record(
        session,
        themself,
        "invitation.accept",
        "user",
        user.uuid,
        standing=letter.standing,
        invited_by=letter.invited_by,
    )


def _write(
    session: Session,
    platform: Platform,
    actor: Actor,
    tenant: Tenant,
    email: str,
    standing: Standing,
) -> tuple[Letter, letters.Draft]:
    people.spend_letters(session, letters.INVITATION, email, tenant.id)
    letter = Letter(
        kind=letters.INVITATION,
        email=email,
        tenant_id=tenant.id,
        standing=standing,
        invited_by=actor.name,
    )
    link = letters.add(session, platform, letter)
    audit.record(
        session,
        actor,
        "invitation.send",
        "invitation",
        letter.uuid,
        in_tenant=tenant.id,
        email=email,
        standing=standing.value,
    )
    draft = letters.Draft(
        to=email,
        about=f"the invitation to {tenant.name}",
        subject=f"Invitation to {tenant.name}",
        text=TEXT.format(by=actor.name, tenant=tenant.name, link=link),
        link=link,
    )
    return letter, draft


def _open(tenant: Tenant) -> tuple[ColumnElement[bool], ...]:
    return (
        Letter.kind == letters.INVITATION,
        Letter.tenant_id == tenant.id,
        Letter.used_at.is_(None),
        Letter.expires_at > utcnow(),
    )


def _view(session: Session, letter: Letter, tenant: Tenant) -> InvitationView:
    return InvitationView(
        id=letter.uuid,
        email=letter.email,
        tenant=tenant.name,
        standing=letter.standing,
        invited_by=letter.invited_by,
        created_at=letter.created_at,
        expires_at=letter.expires_at,
        is_known=people.by_email(session, letter.email) is not None,
    )
