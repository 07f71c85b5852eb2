"""Who is in a tenant, and how people come into it."""

import pytest

from paas.domain.errors import Conflict, Forbidden, Invalid, NotFound, TooMany, Unauthenticated
from paas.domain.permissions import Permission, Standing
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services import accounts, invitations, members, tenants, tokens
from paas.store import tenants as rows
from paas.store import throttles
from tests.services.people import (
    PASSWORD,
    actions,
    actor,
    add_tenant,
    add_user,
    admin,
    link_in,
    owner,
    signed_in,
    uuid_of,
    with_settings,
)
from tests.services.test_at_once import together
from tests.tools.smtp import Post, serving


def standings(platform: Platform, me: Actor) -> dict[str, str]:
    return {one.email: one.standing for one in members.members(platform, me)}


def test_an_owner_sees_raises_and_removes_members(platform: Platform) -> None:
    me = owner(platform)
    other = add_user(platform)
    uuid = uuid_of(platform, other)
    assert standings(platform, me) == {me.name: "owner", other: "member"}
    members.set_standing(platform, me, uuid, Standing.OWNER)
    assert standings(platform, me)[other] == "owner"
    theirs = signed_in(platform, other)
    them = accounts.identify(platform, theirs.sign_in)
    token = tokens.create(platform, them, "ci", [Permission.APPS_READ])
    members.remove(platform, me, uuid)
    assert standings(platform, me) == {me.name: "owner"}
    with pytest.raises(Unauthenticated):
        tokens.identify_token(platform, token.token)
    assert accounts.identify(platform, theirs.sign_in).tenant_id == accounts.NO_TENANT
    with pytest.raises(NotFound):
        members.remove(platform, me, uuid)
    assert actions(platform) == ["member.standing", "token.create", "member.remove"]


def test_a_member_sees_the_others_and_changes_nothing(platform: Platform) -> None:
    boss = owner(platform)
    me = actor(platform, add_user(platform))
    assert len(members.members(platform, me)) == 2
    uuid = uuid_of(platform, boss.name)
    for change in (
        lambda: members.set_standing(platform, me, uuid, Standing.MEMBER),
        lambda: members.remove(platform, me, uuid),
        lambda: invitations.invite(platform, me, "x@example.com", Standing.MEMBER),
        lambda: invitations.invitations(platform, me),
    ):
        with pytest.raises(Forbidden):
            change()


def test_the_last_owner_stays_one(platform: Platform) -> None:
    me = owner(platform)
    add_user(platform)
    uuid = uuid_of(platform, me.name)
    for change in (
        lambda: members.set_standing(platform, me, uuid, Standing.MEMBER),
        lambda: members.remove(platform, me, uuid),
        lambda: members.leave(platform, me),
    ):
        with pytest.raises(Conflict, match="last owner"):
            change()


def test_of_two_owners_who_leave_at_once_one_stays(platform: Platform) -> None:
    both = [owner(platform), owner(platform)]
    came: list[str] = []

    def leave(me: Actor) -> None:
        try:
            members.leave(platform, me)
            came.append("left")
        except Conflict:
            came.append("stayed")

    together(*(lambda me=me: leave(me) for me in both))
    assert sorted(came) == ["left", "stayed"]


def test_an_owner_reaches_no_other_tenant(platform: Platform) -> None:
    me = owner(platform)
    there = add_tenant(platform, "acme")
    them = owner(platform, tenant_id=there)
    with platform.store.read() as session:
        uuid = session.get_one(rows.Tenant, there).uuid
    for reach in (
        lambda: members.members(platform, me, tenant=uuid),
        lambda: members.remove(platform, me, uuid_of(platform, them.name)),
        lambda: members.remove(platform, me, uuid_of(platform, them.name), tenant=uuid),
        lambda: invitations.invite(platform, me, "x@y.example", Standing.OWNER, tenant=uuid),
        lambda: invitations.invitations(platform, me, tenant=uuid),
    ):
        with pytest.raises(NotFound):
            reach()


def test_an_administrator_puts_users_into_any_tenant(platform: Platform) -> None:
    chief = admin(platform)
    there = add_tenant(platform, "acme")
    with platform.store.read() as session:
        uuid = session.get_one(rows.Tenant, there).uuid
    email = add_user(platform, tenant_id=None)
    members.add(platform, chief, email.upper(), Standing.OWNER, tenant=uuid)
    (found,) = members.members(platform, chief, tenant=uuid)
    assert (found.email, found.standing) == (email, "owner")
    with pytest.raises(Conflict):
        members.add(platform, chief, email, Standing.OWNER, tenant=uuid)
    with pytest.raises(NotFound):
        members.add(platform, chief, "nobody@example.com", Standing.OWNER)
    with pytest.raises(Forbidden):
        members.add(platform, owner(platform), email, Standing.MEMBER)


def invited(platform: Platform, me: Actor, email: str, standing: Standing) -> str:
    """The secret of the link in the letter that was really sent."""
    with serving(Post()) as post:
        at_post = with_settings(platform, smtp_url=f"smtp://127.0.0.1:{post.port}")
        made = invitations.invite(at_post, me, email, standing)
        letter = post.wait()
    assert made.says == f"A letter was sent to {made.email}."
    assert me.name in letter.get_content()
    return link_in(letter.get_content(), "invitation")


def test_a_stranger_comes_in_with_a_name_and_a_password(platform: Platform) -> None:
    me = owner(platform)
    secret = invited(platform, me, "New@Example.com", Standing.OWNER)
    (listed,) = invitations.invitations(platform, me)
    assert (listed.email, listed.standing, listed.invited_by) == (
        "new@example.com",
        "owner",
        me.name,
    )
    seen = invitations.shown(platform, secret)
    assert (seen.tenant, seen.is_known) == ("Default", False)
    with pytest.raises(Invalid):
        invitations.accept(platform, secret, password="short")
    with pytest.raises(Invalid):
        invitations.accept(platform, secret, password=PASSWORD, first_name="a\nb")
    made = invitations.accept(platform, secret, password=PASSWORD, first_name="Ada")
    assert (made.email, made.first_name, made.role) == ("new@example.com", "Ada", "user")
    assert [(one.slug, one.standing) for one in made.tenants] == [("default", "owner")]
    assert signed_in(platform, made.email).tenant_id == 1
    with pytest.raises(NotFound):
        invitations.accept(platform, secret, password=PASSWORD)
    assert invitations.invitations(platform, me) == ()
    assert actions(platform) == ["invitation.send", "invitation.accept"]


def test_a_user_just_joins_and_keeps_the_password(platform: Platform) -> None:
    me = owner(platform)
    email = add_user(platform, tenant_id=add_tenant(platform, "acme"))
    secret = invited(platform, me, email, Standing.MEMBER)
    assert invitations.shown(platform, secret).is_known
    # The owner is not told whether the address has an account.
    assert not invitations.invitations(platform, me)[0].is_known
    joined = invitations.accept(platform, secret, password="another password")
    assert {one.slug for one in joined.tenants} == {"acme", "default"}
    signed_in(platform, email)
    with pytest.raises(Conflict):
        invitations.invite(platform, me, email, Standing.MEMBER)


def test_an_invitation_ends_by_another_one_and_when_it_is_withdrawn(platform: Platform) -> None:
    me = owner(platform)
    first = invited(platform, me, "new@example.com", Standing.MEMBER)
    second = invited(platform, me, "new@example.com", Standing.MEMBER)
    with pytest.raises(NotFound):
        invitations.shown(platform, first)
    (listed,) = invitations.invitations(platform, me)
    invitations.withdraw(platform, me, listed.id)
    for secret in (first, second):
        with pytest.raises(NotFound):
            invitations.accept(platform, secret, password=PASSWORD)
    with pytest.raises(NotFound):
        invitations.withdraw(platform, me, listed.id)


def test_of_two_who_use_one_link_at_once_one_comes_in(platform: Platform) -> None:
    secret = invited(platform, owner(platform), "new@example.com", Standing.MEMBER)
    came: list[str] = []

    def accept() -> None:
        try:
            invitations.accept(platform, secret, password=PASSWORD)
            came.append("in")
        except NotFound:
            came.append("late")

    together(accept, accept)
    assert sorted(came) == ["in", "late"]


def test_nobody_deadlocks_who_invites_accepts_and_signs_in_at_once(platform: Platform) -> None:
    me = owner(platform)
    email = add_user(platform, tenant_id=None)
    chief = admin(platform)
    for _ in range(5):
        secret = invited(platform, me, email, Standing.MEMBER)

        def invite() -> None:
            try:
                invitations.invite(platform, me, email, Standing.MEMBER)
            except (Conflict, TooMany):
                return

        def accept(secret: str = secret) -> None:
            try:
                invitations.accept(platform, secret)
            except NotFound:
                return

        together(
            invite,
            accept,
            lambda: [signed_in(platform, email) for _ in range(3)] and None,
            lambda: tenants.rename(platform, chief, "Default"),
        )
        with platform.store.write() as session:
            session.query(throttles.Throttle).delete()
            session.query(members.Membership).filter_by(standing="member").delete()


def test_a_link_is_no_way_in_for_who_was_deactivated(platform: Platform) -> None:
    email = add_user(platform, tenant_id=None)
    secret = invited(platform, owner(platform), email, Standing.MEMBER)
    with platform.store.write() as session:
        session.query(members.User).filter_by(email=email).one().is_active = False
    with pytest.raises(NotFound):
        invitations.accept(platform, secret)


@pytest.mark.parametrize("email", ["", "nobody", "a@b\nBcc: c@d", "ä@example.com"])
def test_an_invitation_goes_to_an_address(platform: Platform, email: str) -> None:
    with pytest.raises(Invalid):
        invitations.invite(platform, owner(platform), email, Standing.MEMBER)


def test_without_a_mail_server_the_owner_is_told_so(platform: Platform) -> None:
    made = invitations.invite(platform, owner(platform), "x@example.com", Standing.MEMBER)
    assert "PAAS_SMTP_URL" in made.says


def test_nobody_is_flooded_with_invitations(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttles, "FIRST_PAUSE", 600)
    me = owner(platform)
    for _ in range(4):
        invitations.invite(platform, me, "x@example.com", Standing.MEMBER)
    with pytest.raises(TooMany):
        invitations.invite(platform, me, "x@example.com", Standing.MEMBER)


def test_a_newcomer_who_follows_two_invitations_at_once_is_one_user(platform: Platform) -> None:
    there = owner(platform, tenant_id=add_tenant(platform, "acme"))
    secrets = [
        invited(platform, me, "new@example.com", Standing.MEMBER) for me in (owner(platform), there)
    ]
    together(
        *(lambda s=secret: invitations.accept(platform, s, password=PASSWORD) for secret in secrets)
    )
    found = signed_in(platform, "new@example.com").user
    assert {one.slug for one in found.tenants} == {"acme", "default"}
