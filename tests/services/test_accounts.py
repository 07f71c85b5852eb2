"""Signing in and staying signed in, on both databases."""

import dataclasses
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from paas.domain.errors import Forbidden, NotFound, Unauthenticated
from paas.domain.permissions import Permission, Role, Standing, granted
from paas.engine.platform import Platform
from paas.services import accounts, passwords
from paas.store import accounts as people
from paas.store.base import utcnow
from paas.store.models import Tenant
from paas.store.people import AuditEntry, Membership, SignIn, User
from tests.services.people import PASSWORD, actor, add_tenant, add_user, admin, signed_in
from tests.services.test_at_once import together


def test_a_user_signs_in_and_is_known(platform: Platform) -> None:
    email = add_user(platform, standing=Standing.OWNER)
    made = accounts.sign_in(
        platform, f" {email.upper()} ", PASSWORD, source="192.0.2.7", agent="curl"
    )
    assert made.user.email == email
    assert made.user.last_login_at is not None
    assert (made.tenant_id, made.tenant and made.tenant.slug) == (1, "default")
    found = accounts.identify(platform, made.sign_in, source="192.0.2.7")
    assert (found.name, found.tenant_id, found.source) == (email, 1, "192.0.2.7")
    assert found.permissions == granted(Role.USER, Standing.OWNER)
    with platform.store.read() as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.actor, entry.source) == ("account.sign_in", email, "192.0.2.7")


@pytest.mark.parametrize("email", ["nobody@example.com", "", "no address at all"])
def test_an_unknown_address_and_a_wrong_password_answer_the_same(
    platform: Platform, email: str
) -> None:
    known = add_user(platform)
    for one in (known, email):
        with pytest.raises(Unauthenticated) as told:
            accounts.sign_in(platform, one, "wrong password")
        assert told.value.message == accounts.WRONG


def test_who_was_deactivated_neither_comes_in_nor_stays_in(platform: Platform) -> None:
    email = add_user(platform)
    made = signed_in(platform, email)
    with platform.store.write() as session:
        session.execute(update(User).where(User.email == email).values(is_active=False))
    with pytest.raises(Unauthenticated):
        signed_in(platform, email)
    with pytest.raises(Unauthenticated):
        accounts.identify(platform, made.sign_in)
    with pytest.raises(Unauthenticated):
        accounts.refresh(platform, made.refresh)


def test_a_weaker_hash_is_replaced_at_the_next_sign_in(platform: Platform) -> None:
    email = add_user(platform)
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    with platform.store.write() as session:
        session.execute(update(User).where(User.email == email).values(password=weak))
    signed_in(platform, email)
    with platform.store.read() as session:
        kept = session.scalars(select(User.password).where(User.email == email)).one()
    assert kept is not None
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches(kept, PASSWORD)


def test_a_refresh_token_counts_once_and_ends_the_sign_in_the_second_time(
    platform: Platform,
) -> None:
    first = signed_in(platform, add_user(platform))
    second = accounts.refresh(platform, first.refresh)
    third = accounts.refresh(platform, second.refresh)
    assert first.sign_in == third.sign_in
    assert len({first.refresh, second.refresh, third.refresh}) == 3
    accounts.identify(platform, third.sign_in)
    with pytest.raises(Unauthenticated):
        accounts.refresh(platform, first.refresh)
    with pytest.raises(Unauthenticated):
        accounts.identify(platform, third.sign_in)
    with pytest.raises(Unauthenticated):
        accounts.refresh(platform, third.refresh)


def test_of_two_refreshes_at_once_one_goes_on_and_the_sign_in_ends(platform: Platform) -> None:
    made = signed_in(platform, add_user(platform))
    came: list[str] = []

    def go() -> None:
        try:
            accounts.refresh(platform, made.refresh)
            came.append("new")
        except Unauthenticated:
            came.append("over")

    together(go, go)
    assert sorted(came) == ["new", "over"]
    with pytest.raises(Unauthenticated):
        accounts.identify(platform, made.sign_in)


@pytest.mark.parametrize("text", ["", ".", "x.y", "ünï.cödé", "a" * 5000])
def test_rubbish_is_no_refresh_token_and_no_sign_in(platform: Platform, text: str) -> None:
    with pytest.raises(Unauthenticated):
        accounts.refresh(platform, text)
    with pytest.raises(Unauthenticated):
        accounts.identify(platform, text)


def test_a_sign_in_ends_by_sign_out_by_the_list_and_by_time(platform: Platform) -> None:
    email = add_user(platform)
    here, there, old = (signed_in(platform, email) for _ in range(3))
    me = accounts.identify(platform, here.sign_in)
    with platform.store.write() as session:
        past = utcnow() - timedelta(seconds=1)
        session.execute(update(SignIn).where(SignIn.uuid == old.sign_in).values(expires_at=past))
    listed = accounts.sign_ins(platform, me)
    assert [(one.id, one.is_this) for one in listed] == [
        (there.sign_in, False),
        (here.sign_in, True),
    ]
    accounts.end_sign_in(platform, me, there.sign_in)
    with pytest.raises(NotFound):
        accounts.end_sign_in(platform, me, there.sign_in)
    accounts.sign_out(platform, me)
    for one in (here, there, old):
        with pytest.raises(Unauthenticated):
            accounts.identify(platform, one.sign_in)


def test_nobody_ends_a_sign_in_of_another(platform: Platform) -> None:
    theirs = signed_in(platform, add_user(platform))
    with pytest.raises(NotFound):
        accounts.end_sign_in(platform, admin(platform), theirs.sign_in)
    accounts.identify(platform, theirs.sign_in)


def test_all_other_sign_ins_end_at_once(platform: Platform) -> None:
    email = add_user(platform)
    others = [signed_in(platform, email) for _ in range(2)]
    me = actor(platform, email)
    accounts.end_other_sign_ins(platform, me)
    assert [one.is_this for one in accounts.sign_ins(platform, me)] == [True]
    for one in others:
        with pytest.raises(Unauthenticated):
            accounts.refresh(platform, one.refresh)


def test_who_was_removed_from_a_tenant_acts_in_none(platform: Platform) -> None:
    tenant_id = add_tenant(platform, "acme")
    email = add_user(platform, tenant_id=tenant_id)
    made = signed_in(platform, email)
    assert accounts.identify(platform, made.sign_in).tenant_id == tenant_id
    with platform.store.write() as session:
        session.delete(session.scalars(select(Membership)).one())
    found = accounts.identify(platform, made.sign_in)
    assert found.tenant_id == accounts.NO_TENANT
    assert found.permissions == {Permission.ACCOUNT}


def test_a_closed_tenant_has_no_actors(platform: Platform) -> None:
    tenant_id = add_tenant(platform, "acme")
    made = signed_in(platform, add_user(platform, tenant_id=tenant_id))
    with platform.store.write() as session:
        session.get_one(Tenant, tenant_id).closed_at = utcnow()
    found = accounts.identify(platform, made.sign_in)
    assert (found.tenant_id, found.permissions) == (accounts.NO_TENANT, {Permission.ACCOUNT})


def test_an_administrator_without_a_tenant_works_in_the_default_one(platform: Platform) -> None:
    made = signed_in(platform, add_user(platform, role=Role.ADMIN, tenant_id=None))
    found = accounts.identify(platform, made.sign_in)
    assert found.tenant_id == 1
    assert Permission.ADMIN_WRITE in found.permissions


def test_an_account_needs_a_sign_in_for_what_guards_it(platform: Platform) -> None:
    me = dataclasses.replace(actor(platform, add_user(platform)), sign_in=None)
    with pytest.raises(Forbidden, match="sign"):
        accounts.sign_ins(platform, me)


def test_what_is_long_over_is_forgotten_and_nothing_else(platform: Platform) -> None:
    email = add_user(platform)
    old, over, now = (signed_in(platform, email) for _ in range(3))
    with platform.store.write() as session:
        for made, days in ((old, 91), (over, 89)):
            at = utcnow() - timedelta(days=days)
            session.execute(update(SignIn).where(SignIn.uuid == made.sign_in).values(expires_at=at))
    with platform.store.write() as session:
        people.forget(session)
    with platform.store.read() as session:
        left = set(session.scalars(select(SignIn.uuid)))
    assert left == {over.sign_in, now.sign_in}
