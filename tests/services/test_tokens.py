"""API tokens: what they may do is never more than their user may now."""

import dataclasses
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from paas.domain.errors import Forbidden, Invalid, NotFound, Unauthenticated
from paas.domain.permissions import Permission, Role, Standing
from paas.engine.platform import Platform
from paas.services import tokens
from paas.store.base import utcnow
from paas.store.people import ApiToken, AuditEntry, Membership, User
from tests.services.people import actor, add_user, admin, owner

READ = [Permission.APPS_READ, Permission.LOGS_READ]


def test_a_token_works_for_its_user_within_its_scopes(platform: Platform) -> None:
    me = owner(platform)
    made = tokens.create(platform, me, " ci ", READ)
    assert made.token.startswith(made.view.begins)
    assert made.token.startswith("paas_")
    found = tokens.identify_token(platform, made.token, source="192.0.2.8")
    assert (found.name, found.tenant_id, found.user_id) == (me.name, 1, me.user_id)
    assert (found.source, found.sign_in) == ("192.0.2.8", None)
    assert found.permissions == set(READ)
    (listed,) = tokens.listing(platform, me)
    assert (listed.name, listed.tenant, listed.scopes) == ("ci", "default", tuple(READ))
    assert listed.last_used_at is not None
    with platform.store.read() as session:
        kept = session.scalars(select(ApiToken)).one()
        assert made.token not in str(vars(kept))
        assert "token.create" in session.scalars(select(AuditEntry.action)).all()


def test_scopes_are_cut_when_the_user_loses_a_permission(platform: Platform) -> None:
    me = owner(platform)
    made = tokens.create(platform, me, "ci", [Permission.TENANT_WRITE, *READ])
    with platform.store.write() as session:
        session.execute(update(Membership).values(standing=Standing.MEMBER))
    found = tokens.identify_token(platform, made.token)
    assert found.permissions == {Permission.TENANT_READ, *READ}
    with platform.store.write() as session:
        session.delete(session.scalars(select(Membership)).one())
    found = tokens.identify_token(platform, made.token)
    assert (found.tenant_id, found.permissions) == (0, set())


def test_a_token_of_a_former_administrator_administers_nothing(platform: Platform) -> None:
    made = tokens.create(platform, admin(platform), "all", list(Permission))
    assert Permission.ADMIN_WRITE in tokens.identify_token(platform, made.token).permissions
    with platform.store.write() as session:
        session.execute(update(User).values(role=Role.USER))
    assert Permission.ADMIN_WRITE not in tokens.identify_token(platform, made.token).permissions


@pytest.mark.parametrize(
    ("scopes", "says"),
    [
        ([], "at least one"),
        (["apps:fly"], "no scope 'apps:fly'"),
        (["admin:read"], "do not have"),
    ],
)
def test_a_token_has_scopes_that_exist_and_that_its_user_has(
    platform: Platform, scopes: list[str], says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        tokens.create(platform, owner(platform), "ci", scopes)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101])
def test_a_token_has_a_name_that_can_be_shown(platform: Platform, name: str) -> None:
    with pytest.raises(Invalid, match="name"):
        tokens.create(platform, owner(platform), name, READ)


def test_a_token_ends_by_time_by_revoking_and_with_its_user(platform: Platform) -> None:
    me = owner(platform)
    with pytest.raises(Invalid, match="expired"):
        tokens.create(platform, me, "old", READ, expires_at=utcnow())
    short = tokens.create(platform, me, "s", READ, expires_at=utcnow() + timedelta(hours=1))
    gone, last = (tokens.create(platform, me, "g", READ) for _ in range(2))
    tokens.identify_token(platform, short.token)
    with platform.store.write() as session:
        past = utcnow() - timedelta(seconds=1)
        session.execute(
            update(ApiToken).where(ApiToken.uuid == short.view.id).values(expires_at=past)
        )
    tokens.revoke(platform, me, gone.view.id)
    with pytest.raises(NotFound):
        tokens.revoke(platform, me, gone.view.id)
    for one, says in ((short, "expired"), (gone, "revoked")):
        with pytest.raises(Unauthenticated, match=says):
            tokens.identify_token(platform, one.token)
    with platform.store.write() as session:
        session.execute(update(User).values(is_active=False))
    with pytest.raises(Unauthenticated):
        tokens.identify_token(platform, last.token)


@pytest.mark.parametrize("text", ["", "paas_", "paas_" + "a" * 43, "ünï", "x" * 10_000])
def test_rubbish_is_no_token(platform: Platform, text: str) -> None:
    with pytest.raises(Unauthenticated, match="not valid"):
        tokens.identify_token(platform, text)


def test_a_token_makes_and_revokes_no_tokens(platform: Platform) -> None:
    me = owner(platform)
    made = tokens.create(platform, me, "all", sorted(me.permissions))
    found = tokens.identify_token(platform, made.token)
    with pytest.raises(Forbidden):
        tokens.create(platform, found, "more", READ)
    with pytest.raises(Forbidden):
        tokens.revoke(platform, found, made.view.id)
    assert len(tokens.listing(platform, found)) == 1


def test_nobody_sees_or_revokes_a_token_of_another(platform: Platform) -> None:
    made = tokens.create(platform, owner(platform), "ci", READ)
    other = admin(platform)
    assert tokens.listing(platform, other) == ()
    with pytest.raises(NotFound):
        tokens.revoke(platform, other, made.view.id)


def test_the_last_use_is_written_once_a_minute(platform: Platform) -> None:
    me = actor(platform, add_user(platform))
    made = tokens.create(platform, me, "ci", READ)

    def used() -> object:
        return tokens.listing(platform, me)[0].last_used_at

    tokens.identify_token(platform, made.token)
    first = used()
    tokens.identify_token(platform, made.token)
    assert used() == first
    earlier = utcnow() - tokens.USE_NOTED_EVERY - timedelta(seconds=1)
    with platform.store.write() as session:
        session.execute(update(ApiToken).values(last_used_at=earlier))
    tokens.identify_token(platform, made.token)
    assert used() not in (first, earlier)


def test_an_actor_of_no_tenant_makes_no_token(platform: Platform) -> None:
    me = dataclasses.replace(owner(platform), tenant_id=0)
    with pytest.raises(Forbidden, match="in none"):
        tokens.create(platform, me, "ci", READ)
