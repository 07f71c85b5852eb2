"""Users, as administrators look after them, and the first administrator of all."""

import dataclasses

import pytest

from paas.domain.account_views import UserView
from paas.domain.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from paas.domain.permissions import Role, Standing
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services import accounts, first_admin, second_factor, tenants, tokens, users
from paas.settings import Settings
from paas.store.people import User
from tests.services.people import (
    PASSWORD,
    actions,
    actor,
    add_user,
    admin,
    owner,
    shared,
    signed_in,
    uuid_of,
)
from tests.services.test_at_once import together


def test_a_user_is_made_in_a_tenant_that_may_be_new(platform: Platform) -> None:
    chief = admin(platform)
    ada, bob = (
        users.create(shared(platform), chief, email, PASSWORD, tenant="Acme")
        for email in (" Ada@Example.com", "bob@example.com")
    )
    assert ada.email == "ada@example.com"
    assert [(one.slug, one.standing) for one in ada.tenants] == [("acme", "owner")]
    assert [(one.slug, one.standing) for one in bob.tenants] == [("acme", "member")]
    signed_in(platform, "ada@example.com")
    assert actions(platform) == ["tenant.create", "user.create", "user.create"]


def test_what_cannot_be_made_leaves_nothing_behind(platform: Platform) -> None:
    chief = admin(platform)
    makes = {"tenant": "Acme"}
    with pytest.raises(Conflict):
        users.create(shared(platform), chief, chief.name, PASSWORD, **makes)
    with pytest.raises(Invalid):
        users.create(shared(platform), chief, "x@example.com", "short", **makes)
    with pytest.raises(Invalid):
        users.create(shared(platform), chief, "nobody", PASSWORD, **makes)
    with pytest.raises(Invalid):
        users.create(shared(platform), chief, "x@example.com", PASSWORD, tenant="☃")
    with pytest.raises(Forbidden):
        users.create(platform, chief, "x@example.com", PASSWORD, **makes)
    assert tenants.count(platform) == 1


def test_of_two_who_are_made_at_once_with_one_address_one_is(platform: Platform) -> None:
    chief = admin(platform)
    came: list[str] = []

    def make() -> None:
        try:
            users.create(platform, chief, "x@example.com", PASSWORD, tenant="default")
            came.append("made")
        except Conflict:
            came.append("taken")

    together(make, make)
    assert sorted(came) == ["made", "taken"]


def test_users_are_listed_in_pages_and_found_by_parts(platform: Platform) -> None:
    chief = admin(platform)
    emails = [add_user(platform, f"u{number}@example.org") for number in range(5)]
    first = users.page(platform, chief, limit=4)
    rest = users.page(platform, chief, limit=4, cursor=first.next_cursor)
    assert [one.email for one in (*first.users, *rest.users)] == [chief.name, *emails]
    assert rest.next_cursor is None
    found = users.page(platform, chief, search="U3@EXAMPLE")
    assert [one.email for one in found.users] == ["u3@example.org"]
    assert users.page(platform, chief, search="%").users == ()
    for cursor in ("x", "-1", "9" * 30):
        with pytest.raises(Invalid):
            users.page(platform, chief, cursor=cursor)


def test_a_user_is_made_an_administrator_and_back(platform: Platform) -> None:
    chief = admin(platform)
    email = add_user(platform)
    uuid = uuid_of(platform, email)
    made = signed_in(platform, email)
    assert users.set_role(platform, chief, uuid, Role.ADMIN).role == "admin"
    # It counts at once, in sign-ins that there are.
    assert accounts.identify(platform, made.sign_in).role is Role.ADMIN
    users.set_role(platform, chief, uuid, Role.USER)
    assert accounts.identify(platform, made.sign_in).role is Role.USER


def test_the_last_administrator_stays(platform: Platform) -> None:
    chief = admin(platform)
    me = uuid_of(platform, chief.name)
    other = uuid_of(platform, add_user(platform, role=Role.ADMIN))
    users.set_active(platform, chief, other, False)
    with pytest.raises(Conflict, match="last active administrator"):
        users.set_role(platform, chief, me, Role.USER)
    with pytest.raises(Conflict):
        users.set_active(platform, chief, me, False)
    users.set_role(platform, chief, other, Role.USER)
    users.set_role(platform, chief, me, Role.ADMIN)


def test_of_two_administrators_who_end_each_other_at_once_one_stays(platform: Platform) -> None:
    one, other = admin(platform), admin(platform)
    came: list[str] = []

    def end(me: Actor, them: Actor) -> None:
        try:
            users.set_role(platform, me, uuid_of(platform, them.name), Role.USER)
            came.append("done")
        except Conflict:
            came.append("last")

    together(lambda: end(one, other), lambda: end(other, one))
    assert sorted(came) == ["done", "last"]


def test_who_is_deactivated_is_out_until_activated(platform: Platform) -> None:
    chief = admin(platform)
    me = owner(platform)
    uuid = uuid_of(platform, me.name)
    token = tokens.create(platform, me, "ci", ["apps:read"])
    users.set_active(platform, chief, uuid, False)
    with pytest.raises(Unauthenticated):
        signed_in(platform, me.name)
    with pytest.raises(Unauthenticated):
        tokens.identify_token(platform, token.token)
    users.set_active(platform, chief, uuid, True)
    tokens.identify_token(platform, token.token)
    with pytest.raises(Unauthenticated):
        accounts.identify(platform, me.sign_in or "")
    signed_in(platform, me.name)


def test_an_administrator_sets_another_password(platform: Platform) -> None:
    chief = admin(platform)
    made = signed_in(platform, add_user(platform))
    users.set_password(platform, chief, made.user.email.upper(), "another password")
    with pytest.raises(Unauthenticated):
        accounts.identify(platform, made.sign_in)
    accounts.sign_in(platform, made.user.email, "another password")
    with pytest.raises(NotFound):
        users.set_password(platform, chief, "nobody@example.com", "another password")
    with pytest.raises(Invalid):
        users.set_password(platform, chief, made.user.email, "short")


def test_an_administrator_takes_a_lost_second_factor_away(platform: Platform) -> None:
    chief = admin(platform)
    me = actor(platform, add_user(platform))
    secret = second_factor.enrol(platform, me).secret
    totp = second_factor.pyotp.TOTP(secret)
    second_factor.confirm(platform, me, totp.generate_otp(second_factor.step_now()))
    found = users.remove_second_factor(platform, chief, uuid_of(platform, me.name))
    assert not found.has_second_factor
    signed_in(platform, me.name)


def test_nobody_else_looks_after_users(platform: Platform) -> None:
    me = owner(platform)
    uuid = uuid_of(platform, me.name)
    for use in (
        lambda: users.page(platform, me),
        lambda: users.get(platform, me, uuid),
        lambda: users.set_role(platform, me, uuid, Role.ADMIN),
        lambda: users.set_active(platform, me, uuid, False),
        lambda: users.set_password(platform, me, me.name, PASSWORD),
        lambda: users.remove_second_factor(platform, me, uuid),
        lambda: users.create(platform, me, "x@y.example", PASSWORD, tenant="default"),
    ):
        with pytest.raises(Forbidden):
            use()


def test_a_user_is_found_by_the_uuid(platform: Platform) -> None:
    chief = admin(platform)
    found: UserView = users.get(platform, chief, uuid_of(platform, chief.name))
    assert found.email == chief.name
    with pytest.raises(NotFound):
        users.get(platform, chief, "no-such-id")


def test_no_view_shows_a_hash_or_a_secret(platform: Platform) -> None:
    add_user(platform)
    with platform.store.read() as session:
        user = session.query(User).one()
    view = users.get(platform, admin(platform), user.uuid)
    assert user.password
    assert user.password not in str(dataclasses.asdict(view))


def test_the_first_start_makes_an_administrator_once(
    platform: Platform, both_settings: Settings
) -> None:
    settings = dataclasses.replace(both_settings, admin_email="Boss@Example.com")
    assert first_admin.make(settings, PASSWORD)
    made = signed_in(platform, "boss@example.com").user
    assert (made.role, [one.standing for one in made.tenants]) == ("admin", [Standing.OWNER])
    assert not first_admin.make(settings, "another password")
    assert not first_admin.make(both_settings, "another password")
    signed_in(platform, "boss@example.com")
    assert actions(platform) == ["user.create"]


def test_a_user_with_the_first_administrator_s_address_stays_a_user(
    platform: Platform, both_settings: Settings
) -> None:
    add_user(platform, first_admin.EMAIL)
    assert not first_admin.make(both_settings, "another password")
    assert signed_in(platform, first_admin.EMAIL).user.role == "user"


def test_two_hosts_that_start_at_once_make_one_administrator(
    platform: Platform, both_settings: Settings
) -> None:
    came: list[bool] = []
    together(*[lambda: came.append(first_admin.make(both_settings, PASSWORD))] * 2)
    assert sorted(came) == [False, True]
