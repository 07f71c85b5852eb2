"""Signing in as a user, the second step, and where the links of letters lead."""

import pyotp
import pytest
from flask.testing import FlaskClient

from paas.domain.permissions import Role, Standing
from paas.engine.platform import Platform
from paas.services import invitations, letters, second_factor, second_step, tenants
from paas.store.people import SignIn
from tests.services import people
from tests.web.support import form, send, sign_in

NEW = "another password for tests"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[letters.Draft]:
    """The letters that were written."""
    found: list[letters.Draft] = []
    monkeypatch.setattr(letters, "deliver_behind", lambda _platform, draft: found.append(draft))
    monkeypatch.setattr(letters, "deliver", lambda _platform, draft: found.append(draft) or "")
    return found


def path_of(draft: letters.Draft) -> str:
    return "/" + draft.link.split("/", 3)[3]


def enrolled(core: Platform, email: str) -> tuple[pyotp.TOTP, tuple[str, ...]]:
    """Switch the second factor of a user on; the code used for that is spent."""
    actor = people.actor(core, email)
    totp = pyotp.TOTP(second_factor.enrol(core, actor).secret)
    past = totp.generate_otp(second_factor.step_now() - 1)
    return totp, second_factor.confirm(core, actor, past)


def test_a_user_signs_in_is_led_on_and_signs_out(remote: FlaskClient, core: Platform) -> None:
    email = people.add_user(core)
    page = remote.get("/sign-in?next=/apps")
    found = form(page.text, "/sign-in?next=/apps")
    data = {**found.fields, "email": f" {email.upper()}", "password": people.PASSWORD}
    answer = remote.post(found.action, data=data)
    assert (answer.status_code, answer.location) == (303, "/apps")
    home = remote.get("/").text
    assert email in home
    assert "Administration" not in home
    send(remote, "/", "/sign-out")
    assert remote.get("/").status_code == 303
    # The sign-in itself is over, not only forgotten by this browser.
    with core.store.read() as session:
        assert session.query(SignIn).one().revoked_at is not None


def test_what_is_wrong_is_not_told(remote: FlaskClient, core: Platform) -> None:
    email = people.add_user(core)
    for typed in ({"email": email, "password": "wrong"}, {"email": "a@b.c", "password": "wrong"}):
        answer = send(remote, "/sign-in", "/sign-in", **typed)
        assert answer.status_code == 401
        assert "The e-mail address or the password is not right" in answer.text
        assert "wrong" not in form(answer.text, "/sign-in").fields.values()


def test_guessing_is_made_slow(remote: FlaskClient, core: Platform) -> None:
    email = people.add_user(core)
    answers = [
        send(remote, "/sign-in", "/sign-in", email=email, password="wrong").status_code
        for _ in range(7)
    ]
    assert answers[-1] == 429


def test_the_second_step_takes_a_code_once(remote: FlaskClient, core: Platform) -> None:
    email = people.add_user(core)
    totp, codes = enrolled(core, email)
    answer = sign_in(remote, email)
    assert answer.location == "/sign-in/code"
    assert remote.get("/").status_code == 303
    page = remote.get("/sign-in/code").text
    assert people.PASSWORD not in page
    assert send(remote, "/sign-in/code", "", code="000000").status_code == 401
    code = totp.generate_otp(second_factor.step_now())
    assert send(remote, "/sign-in/code", "", code=code).location == "/"
    assert remote.get("/").status_code == 200
    send(remote, "/", "/sign-out")
    sign_in(remote, email)
    assert send(remote, "/sign-in/code", "", code=code).status_code == 401
    assert send(remote, "/sign-in/code", "", code=codes[0]).location == "/"


def test_the_second_step_has_no_way_past_the_first(
    remote: FlaskClient, core: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert remote.get("/sign-in/code").location == "/sign-in"
    email = people.add_user(core)
    _, codes = enrolled(core, email)
    sign_in(remote, email)
    monkeypatch.setattr(second_step, "SECONDS", -1)
    answer = send(remote, "/sign-in/code", "", code=codes[0])
    assert answer.status_code == 401
    assert "This took too long; begin again." in answer.text
    remote.get("/sign-in")
    assert remote.get("/sign-in/code").status_code == 303


def test_a_forgotten_password(
    remote: FlaskClient, core: Platform, sent: list[letters.Draft]
) -> None:
    email = people.add_user(core)
    unknown = send(remote, "/forgotten", "", email="nobody@example.com")
    known = send(remote, "/forgotten", "", email=email)
    assert not [draft for draft in sent if draft.to != email]
    assert known.text.replace(email, "") == unknown.text.replace("nobody@example.com", "")
    path = path_of(sent[0])
    other = send(remote, path, "", password=NEW, again="a different password")
    assert other.status_code == 400
    assert "The two passwords are not the same" in other.text
    assert send(remote, path, "", password="short", again="short").status_code == 400
    assert send(remote, path, "", password=NEW, again=NEW).location == "/sign-in"
    assert "The password is changed." in remote.get("/sign-in").text
    assert remote.get(path).status_code == 404
    assert send(remote, "/sign-in", "/sign-in", email=email, password=NEW).location == "/"


def test_a_newcomer_accepts_an_invitation(
    remote: FlaskClient, core: Platform, sent: list[letters.Draft]
) -> None:
    owner = people.owner(core)
    invitations.invite(core, owner, "new@example.com", Standing.OWNER)
    path = path_of(sent[0])
    page = remote.get(path).text
    assert "Come into" in page
    assert "as an owner" in page
    typed = {"first_name": "Ada", "last_name": "L", "password": NEW, "again": NEW}
    assert send(remote, path, "", **typed).location == "/sign-in"
    assert remote.get(path).status_code == 404
    send(remote, "/sign-in", "/sign-in", email="new@example.com", password=NEW)
    assert "Ada L" in remote.get("/team").text


def test_whoever_has_an_account_just_joins(
    remote: FlaskClient, core: Platform, sent: list[letters.Draft]
) -> None:
    email = people.add_user(core, tenant_id=people.add_tenant(core, "other"))
    invitations.invite(core, people.owner(core), email, Standing.MEMBER)
    path = path_of(sent[0])
    assert "password" not in form(remote.get(path).text, "").fields
    assert send(remote, path, "").location == "/sign-in"
    sign_in(remote, email)
    account = remote.get("/account").text
    assert "Default" in account
    assert "Other" in account


def test_switching_the_team(remote: FlaskClient, core: Platform) -> None:
    other = people.add_tenant(core, "other")
    email = people.add_user(core, role=Role.ADMIN)
    sign_in(remote, email)
    uuid = next(t.id for t in tenants.everyone(core, people.admin(core)) if t.slug == "other")
    page = remote.get("/admin/tenants").text
    fields = {**form(page, "/account/team").fields, "tenant": uuid}
    assert remote.post("/account/team", data=fields).location == "/"
    assert other != 1
    assert "<h1>Other</h1>" in remote.get("/team").text
    stranger = people.add_user(core)
    sign_in(remote, stranger)
    fields |= form(remote.get("/account").text, "/account/team").fields | {"tenant": uuid}
    assert remote.post("/account/team", data=fields).status_code == 404
