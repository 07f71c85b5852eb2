"""A user's own pages, and those of the team."""

import re

import pyotp
import pytest
from flask.testing import FlaskClient

from paas.domain.permissions import Standing
from paas.engine.platform import Platform
from paas.services import second_factor, tokens
from tests.services import people
from tests.web.support import form, read, send, sign_in

NEW = "another password for tests"


@pytest.fixture
def email(core: Platform) -> str:
    """An owner of the default team."""
    return people.add_user(core, standing=Standing.OWNER)


@pytest.fixture
def signed(remote: FlaskClient, email: str) -> FlaskClient:
    """The owner's browser."""
    sign_in(remote, email)
    return remote


def secrets_of(html: str) -> list[str]:
    return re.findall(r'<pre class="secret"[^>]*>([^<]*)</pre>', html)


def test_a_token_is_shown_once_and_works_until_revoked(
    signed: FlaskClient, core: Platform, email: str
) -> None:
    found = form(signed.get("/account").text, "/account/tokens")
    data = {**found.fields, "name": "a script", "scopes": ["apps:read", "logs:read"]}
    answer = signed.post("/account/tokens", data=data)
    (token,) = secrets_of(answer.text)
    assert tokens.identify_token(core, token).name == email
    page = signed.get("/account").text
    assert token not in page
    assert token[:12] in page
    (view,) = tokens.listing(core, people.actor(core, email))
    assert view.scopes == ("apps:read", "logs:read")
    send(signed, "/account", f"/account/tokens/{view.id}/revoke")
    assert tokens.listing(core, people.actor(core, email)) == ()


def test_a_token_without_a_scope_is_refused_and_what_was_typed_is_kept(signed: FlaskClient) -> None:
    answer = send(signed, "/account", "/account/tokens", name="a script")
    assert answer.status_code == 400
    assert "A token needs at least one scope" in answer.text
    assert form(answer.text, "/account/tokens").fields["name"] == "a script"


def test_scopes_that_the_user_has_not_are_not_offered(signed: FlaskClient) -> None:
    offered = [
        a["value"] for _, a in read(signed.get("/account").text).tags if a.get("name") == "scopes"
    ]
    assert "tenant:write" in offered
    assert "admin:write" not in offered


def test_the_second_factor_on_and_off(signed: FlaskClient, core: Platform) -> None:
    page = send(signed, "/account", "/account/second-factor").text
    assert '<svg width="' in page
    secret = re.findall(r"<code>([A-Z2-7 ]+)</code>", page)[0].replace(" ", "")
    fields = form(page, "/account/second-factor/confirm").fields
    totp, step = pyotp.TOTP(secret), second_factor.step_now()
    wrong = signed.post("/account/second-factor/confirm", data={**fields, "code": "000000"})
    assert wrong.status_code == 400
    code = totp.generate_otp(step - 1)
    answer = signed.post("/account/second-factor/confirm", data={**fields, "code": code})
    codes = secrets_of(answer.text)[0].split()
    assert len(codes) == second_factor.RECOVERY_CODES
    off = "/account/second-factor/off"
    refused = send(signed, "/account", off, password="wrong", code=codes[0])
    assert refused.status_code == 400
    send(signed, "/account", off, password=people.PASSWORD, code=codes[0])
    assert "It is off." in signed.get("/account").text


def test_a_new_password_ends_the_other_sign_ins(
    signed: FlaskClient, core: Platform, email: str
) -> None:
    people.signed_in(core, email)
    path = "/account/password"
    wrong = send(signed, "/account", path, current="wrong", password=NEW, again=NEW)
    assert "The current password is not right" in wrong.text
    assert signed.get("/account").text.count("192.0.2.1") > 0
    send(signed, "/account", path, current=people.PASSWORD, password=NEW, again=NEW)
    page = signed.get("/account")
    assert page.status_code == 200
    assert "192.0.2.1" not in page.text


def test_ending_this_very_sign_in_signs_out(signed: FlaskClient) -> None:
    (path,) = re.findall(
        r'action="(/account/sign-ins/[0-9a-f-]{36}/end)"', signed.get("/account").text
    )
    assert send(signed, "/account", path).location == "/sign-in"
    assert signed.get("/account").status_code == 303


def test_the_account_is_for_users_alone(client: FlaskClient) -> None:
    answer = client.get("/account")
    assert answer.status_code == 403
    assert "/account" not in client.get("/").text


def test_the_team_is_looked_after_by_owners(
    signed: FlaskClient, core: Platform, email: str
) -> None:
    member = people.add_user(core)
    answer = send(signed, "/team", "/team/invitations", email="new@example.com")
    assert answer.status_code == 303
    page = signed.get("/team").text
    assert "new@example.com is invited." in page
    assert "the log has the link" in page
    (path,) = re.findall(r'action="(/team/invitations/[0-9a-f-]{36}/withdraw)"', page)
    send(signed, "/team", path)
    assert "Nobody who has not come yet." in signed.get("/team").text
    user = people.uuid_of(core, member)
    send(signed, "/team", f"/team/members/{user}/standing")
    assert "That user is an owner now." in signed.get("/team").text
    send(signed, "/team", f"/team/members/{user}/remove")
    assert member not in signed.get("/team").text
    send(signed, "/team", f"/team/members/{people.uuid_of(core, email)}/remove")
    assert "last owner" in signed.get("/team").text


def test_members_see_the_team_and_change_nothing(remote: FlaskClient, core: Platform) -> None:
    owner = people.add_user(core, standing=Standing.OWNER)
    sign_in(remote, people.add_user(core))
    page = remote.get("/team").text
    assert owner in page
    posts = [one.action for one in read(page).forms if one.method == "post"]
    assert posts == ["/sign-out", "/team/leave"]
