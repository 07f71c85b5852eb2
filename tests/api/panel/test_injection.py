"""The injection corpus in what people give of themselves by document 004: refused, or kept
literally and shown as the text that was sent."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from paas.engine.platform import Platform
from tests.api.panel.support import login, shows
from tests.api.test_injection import MARK, PAYLOADS, assert_clean
from tests.services import people

AUTH = "/api/auth"
ME = "/api/users/me"
_numbers = count(1)


@pytest.fixture(autouse=True)
def _nothing_happened() -> Iterator[None]:
    yield
    assert not Path("/", "tmp", MARK).exists()


@pytest.fixture
def headers(client: FlaskClient, core: Platform) -> dict[str, str]:
    return shows(login(client, people.add_user(core, "user@example.com")))


def post(client: FlaskClient, path: str, body: dict[str, Any], **more: Any) -> Any:
    """From an address of its own: who asks often from one is soon asked to wait."""
    address = f"127.0.1.{next(_numbers) % 250 + 1}"
    return client.post(path, json=body, environ_base={"REMOTE_ADDR": address}, **more)


def assert_refused(answer: Any, place: str) -> None:
    assert 400 <= answer.status_code < 500, f"{place}: {answer.status_code} {answer.text[:200]}"
    assert answer.status_code != 429, place
    assert answer.json["success"] is False, place
    assert_clean(answer, place)


SIGN_IN = {"email": "nobody@example.com", "password": "not the password", "code": "123456"}
RESET = {"token": "of-no-letter", "newPassword": "a new password 0917"}
INVITED = {
    "token": "of-no-letter",
    "firstName": "John",
    "lastName": "Doe",
    "password": "a new password 0917",
}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        *(("login", SIGN_IN, name) for name in SIGN_IN),
        ("refresh", {}, "refreshToken"),
        *(("password-reset/confirm", RESET, name) for name in RESET),
        ("invitations/look", {}, "token"),
        *(("invitations/accept", INVITED, name) for name in INVITED),
        ("login", SIGN_IN, "unknown"),
    ],
)
def test_what_opens_nothing(
    client: FlaskClient, path: str, body: dict[str, str], field: str
) -> None:
    for number, payload in enumerate(PAYLOADS):
        sent = {payload: "x"} if field == "unknown" else {field: payload}
        if path == "login" and field != "email":
            # Who guesses at one account is soon asked to wait.
            sent["email"] = f"nobody-{number}@example.com"
        answer = post(client, f"{AUTH}/{path}", body | sent)
        assert_refused(answer, f"{field}: {payload[:60]!r}")


def test_whose_password_is_forgotten(client: FlaskClient) -> None:
    for payload in PAYLOADS:
        answer = post(client, f"{AUTH}/password-reset", {"email": payload})
        if answer.status_code == 200:
            assert_clean(answer, payload)
        else:
            assert_refused(answer, payload)


@pytest.mark.parametrize("field", ["firstName", "lastName"])
def test_names(client: FlaskClient, headers: dict[str, str], field: str) -> None:
    taken = 0
    for payload in PAYLOADS:
        answer = client.put(ME, json={field: payload}, headers=headers)
        if answer.status_code == 200:
            taken += 1
            answer = client.get(ME, headers=headers)
            assert answer.json["data"][field] == payload
            assert_clean(answer, payload)
        else:
            assert_refused(answer, f"{field}: {payload[:60]!r}")
    assert 20 < taken < len(PAYLOADS)


@pytest.mark.parametrize("field", ["currentPassword", "newPassword"])
def test_passwords_that_change_nothing(
    client: FlaskClient, headers: dict[str, str], field: str
) -> None:
    body = {"currentPassword": "not the password", "newPassword": "a new password 0917"}
    for payload in PAYLOADS[::4]:
        answer = client.put(ME, json=body | {field: payload}, headers=headers)
        assert 400 <= answer.status_code < 500
        assert_clean(answer, payload)


@pytest.mark.parametrize("field", ["name", "scopes", "expiresInDays", "scopes[]"])
def test_tokens(client: FlaskClient, headers: dict[str, str], field: str) -> None:
    taken = 0
    path = f"{ME}/tokens"
    for payload in PAYLOADS:
        sent = {"scopes": [payload]} if field == "scopes[]" else {field: payload}
        body = {"name": "a script", "scopes": ["apps:read"], **sent}
        answer = client.post(path, json=body, headers=headers)
        if answer.status_code != 201:
            assert_refused(answer, f"{field}: {payload[:60]!r}")
            continue
        taken += 1
        listed = client.get(path, headers=headers)
        assert listed.json["data"][0]["name"] == payload
        assert_clean(listed, payload)
        # An account has a limited number of tokens.
        client.delete(f"{path}/{answer.json['data']['id']}", headers=headers)
    assert (taken > 20) is (field == "name")


def test_codes(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post(f"{ME}/totp", headers=headers).status_code == 200
    for payload in PAYLOADS[::4]:
        answer = client.post(f"{ME}/totp/confirm", json={"code": payload}, headers=headers)
        assert 400 <= answer.status_code < 500
        assert_clean(answer, payload)


def test_the_program_that_signs_in(client: FlaskClient, core: Platform) -> None:
    email = people.add_user(core, "user@example.com")
    for payload in PAYLOADS[::4]:
        agent = payload.encode("utf-8", "surrogatepass").decode("latin-1")[:200]
        body = {"email": email, "password": people.PASSWORD}
        sign_in = client.post(
            f"{AUTH}/login",
            json=body,
            environ_overrides={
                "HTTP_USER_AGENT": agent,
                "REMOTE_ADDR": f"127.0.2.{next(_numbers) % 250 + 1}",
            },
        )
        assert sign_in.status_code == 200, sign_in.text
        assert_clean(sign_in, payload)
        listed = client.get(f"{ME}/sign-ins", headers=shows(sign_in))
        assert listed.json["data"][0]["userAgent"] == agent
        assert_clean(listed, payload)


def test_versions(client: FlaskClient, headers: dict[str, str]) -> None:
    for payload in PAYLOADS:
        text = payload.encode("utf-8", "surrogatepass").decode("latin-1")
        for accept in (text, f"application/vnd.skypanel.{text}"):
            answer = client.get(ME, headers=headers, environ_overrides={"HTTP_ACCEPT": accept})
            assert answer.status_code in (200, 406)
            assert_clean(answer, payload)


@pytest.mark.parametrize("place", ["tokens", "sign-ins"])
def test_ids(client: FlaskClient, headers: dict[str, str], place: str) -> None:
    for payload in PAYLOADS:
        text = quote(payload.encode("utf-8", "surrogatepass"), safe="")
        answer = client.delete(f"{ME}/{place}/{text}", headers=headers)
        # A path that goes up leads elsewhere: to all other sign-ins, for one.
        if payload not in (".", "..", "/etc/passwd"):
            assert_refused(answer, f"{place}: {payload[:60]!r}")
