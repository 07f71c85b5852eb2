"""Tenants: made, named, entered and closed."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from paas.domain.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from paas.domain.permissions import Permission, Role, Standing
from paas.domain.states import AppState
from paas.engine.platform import Platform
from paas.services import accounts, invitations, tenants, tokens
from paas.store import tenants as rows
from paas.store.base import utcnow
from paas.store.models import App, Tenant
from paas.store.people import AuditEntry
from tests.factories import ACTOR, app_row
from tests.services.people import (
    actions,
    actor,
    add_tenant,
    add_user,
    admin,
    owner,
    shared,
    signed_in,
)


def test_a_tenant_is_made_listed_and_renamed(platform: Platform) -> None:
    chief = admin(platform)
    made = tenants.create(shared(platform), chief, " Acme & Söhne ")
    assert (made.slug, made.name) == ("acme-sohne", "Acme & Söhne")
    assert tenants.count(platform) == 2
    tenants.rename(platform, chief, "Acme", tenant=made.id)
    listed = [(one.slug, one.name, one.members) for one in tenants.everyone(platform, chief)]
    assert listed == [("acme-sohne", "Acme", 0), ("default", "Default", 1)]
    assert actions(platform) == ["tenant.create", "tenant.rename"]


def test_a_taken_name_is_refused_whatever_its_spelling(platform: Platform) -> None:
    with pytest.raises(Conflict):
        tenants.create(shared(platform), admin(platform), "  DEFAULT ")


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 129, "☃ ☃"])
def test_a_name_can_be_shown_and_addressed(platform: Platform, name: str) -> None:
    with pytest.raises(Invalid):
        tenants.create(shared(platform), admin(platform), name)


def test_target_local_keeps_to_one_tenant_unless_a_setting_says_more(platform: Platform) -> None:
    with pytest.raises(Forbidden, match="PAAS_LOCAL_UNSAFE"):
        tenants.create(platform, admin(platform), "Acme")


def test_an_owner_renames_the_own_tenant_alone(platform: Platform) -> None:
    other = add_tenant(platform, "other")
    me = owner(platform, tenant_id=add_tenant(platform, "acme"))
    tenants.rename(platform, me, "Acme Two")
    assert [one.name for one in tenants.mine(platform, me)] == ["Acme Two"]
    with platform.store.read() as session:
        uuid = session.get_one(rows.Tenant, other).uuid
    with pytest.raises(NotFound):
        tenants.rename(platform, me, "Mine", tenant=uuid)
    with pytest.raises(Forbidden):
        tenants.everyone(platform, me)


def test_a_sign_in_moves_between_the_user_s_tenants(platform: Platform) -> None:
    acme, other = add_tenant(platform, "acme"), add_tenant(platform, "other")
    me = owner(platform, tenant_id=acme)
    with platform.store.write() as session:
        uuids = {one.slug: one.id for one in rows.views(session)}
        rows_of_mine = {"user_id": me.user_id, "tenant_id": other, "standing": Standing.MEMBER}
        session.add(tenants.Membership(**rows_of_mine))
    moved = tenants.switch(platform, me, uuids["other"])
    assert (moved.slug, moved.standing) == ("other", "member")
    assert me.sign_in is not None
    found = accounts.identify(platform, me.sign_in)
    assert found.tenant_id == other
    assert Permission.TENANT_WRITE not in found.permissions
    with pytest.raises(NotFound):
        tenants.switch(platform, me, uuids["default"])
    # The next sign-in goes on where the last one was.
    assert signed_in(platform, me.name).tenant_id == other


def test_an_administrator_works_in_every_tenant(platform: Platform) -> None:
    acme = add_tenant(platform, "acme")
    chief = admin(platform)
    with platform.store.read() as session:
        uuid = session.get_one(rows.Tenant, acme).uuid
    tenants.switch(platform, chief, uuid)
    assert chief.sign_in is not None
    assert accounts.identify(platform, chief.sign_in).tenant_id == acme


def test_a_tenant_with_apps_is_not_closed(platform: Platform) -> None:
    chief = admin(platform)
    made = tenants.create(shared(platform), chief, "Acme")
    with platform.store.write() as session:
        app = app_row(session)
        app.tenant_id = session.query(rows.Tenant).filter_by(uuid=made.id).one().id
        key = app.id
    with pytest.raises(Conflict, match="1 app;"):
        tenants.close(platform, chief, made.id)
    with platform.store.write() as session:
        session.get_one(App, key).state = AppState.DELETED
    tenants.close(platform, chief, made.id)


def test_a_closed_tenant_lets_go_of_all_and_its_name_is_free(platform: Platform) -> None:
    chief = admin(platform)
    made = tenants.create(shared(platform), chief, "Acme")
    with platform.store.read() as session:
        key = rows.find(session, made.id).id
    me = owner(platform, tenant_id=key)
    token = tokens.create(platform, me, "ci", [Permission.APPS_READ])
    invited = invitations.invite(platform, me, "new@example.com", Standing.MEMBER)
    assert invited.expires_at > utcnow() + timedelta(days=6)
    tenants.close(platform, chief, made.id)
    with pytest.raises(Unauthenticated):
        tokens.identify_token(platform, token.token)
    assert me.sign_in is not None
    assert accounts.identify(platform, me.sign_in).tenant_id == accounts.NO_TENANT
    assert tenants.count(platform) == 1
    for gone in (made.id, "no-such-id"):
        with pytest.raises(NotFound):
            tenants.close(platform, chief, gone)
    assert tenants.create(shared(platform), chief, "Acme").slug == "acme"


def test_the_default_tenant_stays(platform: Platform) -> None:
    (default,) = tenants.everyone(platform, admin(platform))
    with pytest.raises(Conflict):
        tenants.close(platform, admin(platform), default.id)


def test_only_administrators_make_and_close_tenants(platform: Platform) -> None:
    me = owner(platform)
    with pytest.raises(Forbidden):
        tenants.create(shared(platform), me, "Acme")
    with pytest.raises(Forbidden):
        tenants.close(platform, me, "any")


def test_apps_are_counted_without_the_deleted_ones(platform: Platform) -> None:
    with platform.store.write() as session:
        app_row(session)
        app_row(session).state = AppState.DELETED
    (default,) = tenants.everyone(platform, ACTOR)
    assert default.apps == 1


def test_a_user_in_no_tenant_signs_in_and_has_nothing(platform: Platform) -> None:
    me = actor(platform, add_user(platform, tenant_id=None))
    assert (me.tenant_id, me.permissions) == (accounts.NO_TENANT, {Permission.ACCOUNT})
    assert tenants.mine(platform, me) == ()
    assert me.role is Role.USER


def test_what_an_administrator_does_to_a_tenant_stands_in_its_own_log(platform: Platform) -> None:
    chief = admin(platform)
    acme = add_tenant(platform, "acme")
    with platform.store.read() as session:
        uuid = session.get_one(Tenant, acme).uuid
    invitation = invitations.invite(
        platform, chief, "new@example.com", Standing.MEMBER, tenant=uuid
    )
    tenants.rename(platform, chief, "Acme Two", tenant=uuid)
    invitations.withdraw(platform, chief, invitation.id, tenant=uuid)
    tenants.close(platform, chief, uuid)
    with platform.store.read() as session:
        found = session.execute(select(AuditEntry.action, AuditEntry.tenant_id)).all()
    assert set(found) - {("account.sign_in", chief.tenant_id)} == {
        ("invitation.send", acme),
        ("tenant.rename", acme),
        ("invitation.withdraw", acme),
        ("tenant.close", acme),
    }
