"""Document 004, signing in: {"success": true, "data": {...}}, errors with code and message."""

import base64
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from flask.testing import FlaskClient

from paas.domain.permissions import Role
from paas.engine.platform import Platform
from paas.store.base import utcnow
from paas.store.people import SignIn
from tests.api.panel.support import PATH, error, login, shows
from tests.api.support import TOKEN
from tests.services import people


@pytest.mark.parametrize("role", Role)
def test_the_documented_login(client: FlaskClient, core: Platform, role: Role) -> None:
    email = people.add_user(core, "user@example.com", role=role)
    answer = login(client, email)
    assert answer.status_code == 200
    assert list(answer.json) == ["success", "data"]
    data = answer.json["data"]
    # What the document has, in its order; then what it does not know.
    assert list(data) == ["token", "user", "refreshToken", "expiresIn"]
    assert data["user"] == {"id": data["user"]["id"], "email": email, "role": role.value}
    assert list(data["user"]) == ["id", "email", "role"]
    assert type(data["user"]["id"]) is int
    assert data["expiresIn"] == 900


@pytest.mark.parametrize(
    "given",
    [
        {"password": "not the password"},
        {"email": "nobody@example.com"},
        {"email": "no address at all"},
        {"password": "\x00"},
    ],
)
def test_what_signs_nobody_in_says_the_same(
    client: FlaskClient, core: Platform, given: dict[str, str]
) -> None:
    email = people.add_user(core)
    answer = client.post(PATH, json={"email": email, "password": people.PASSWORD} | given)
    found = error(answer, 401, "UNAUTHORIZED")
    assert found == {
        "code": "UNAUTHORIZED",
        "message": "The e-mail address or the password is not right",
    }


def test_every_broken_rule_of_the_body_is_named(client: FlaskClient) -> None:
    found = error(client.post(PATH, json={"email": 7, "colour": "red"}), 400, "VALIDATION_ERROR")
    assert found["details"]["errors"] == [
        "Invalid email. Must be an e-mail address",
        "Invalid password. Must be text of 1-1024 characters",
        "Unknown field 'colour'",
    ]


def test_other_errors_have_their_codes(client: FlaskClient) -> None:
    error(client.post(PATH, data="{}"), 415, "UNSUPPORTED_MEDIA_TYPE")
    big = "x" * 70_000
    error(client.post(PATH, json={"email": big}), 413, "PAYLOAD_TOO_LARGE")
    error(client.post(PATH, json={}, headers={"Origin": "http://evil.example"}), 403, "FORBIDDEN")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    error(client.get(PATH, headers=headers), 405, "METHOD_NOT_ALLOWED")
    error(client.get("/api/auth/nothing", headers=headers), 404, "NOT_FOUND")
    error(client.get("/api/users/me", headers=headers), 403, "FORBIDDEN")


# What the token is good for


def test_a_token_is_good_for_every_api(client: FlaskClient, core: Platform) -> None:
    headers = shows(login(client, people.add_user(core)))
    for path in ("/api/users/me", "/api/stats", "/api/paas/apps", "/"):
        assert client.get(path, headers=headers).status_code == 200, path
    assert client.get("/metrics", headers=headers).status_code == 403


def test_what_a_user_does_is_written_down_with_his_name(
    client: FlaskClient, core: Platform
) -> None:
    headers = shows(login(client, people.add_user(core, "user@example.com")))
    denied = client.post("/api/reconcile", headers=headers)
    assert "user@example.com does not have" in denied.json["error"]


def test_a_sign_in_that_ends_takes_its_tokens_with_it(client: FlaskClient, core: Platform) -> None:
    email = people.add_user(core)
    headers, other = shows(login(client, email)), shows(login(client, email))
    answer = client.post("/api/auth/logout", headers=headers)
    assert answer.json == {"success": True, "data": {"message": "Signed out"}}
    error(client.get("/api/users/me", headers=headers), 401, "UNAUTHORIZED")
    assert client.get("/api/stats", headers=headers).status_code == 401
    assert client.get("/api/users/me", headers=other).status_code == 200


def test_no_token_counts_longer_than_its_sign_in(client: FlaskClient, core: Platform) -> None:
    headers = shows(login(client, people.add_user(core)))
    with core.store.write() as session:
        session.query(SignIn).update({SignIn.expires_at: utcnow() - timedelta(seconds=1)})
    error(client.get("/api/users/me", headers=headers), 401, "UNAUTHORIZED")


def test_a_user_who_is_locked_out_is_so_at_once(client: FlaskClient, core: Platform) -> None:
    headers = shows(login(client, people.add_user(core)))
    with core.store.write() as session:
        session.query(people.User).update({people.User.is_active: False})
    error(client.get("/api/users/me", headers=headers), 401, "UNAUTHORIZED")


def part(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b.c",
        f"{part('[' * 5000)}.e30.x",
        ".".join((part('{"alg":"none"}'), part('{"sub":"1"}'), "")),
        "paas_0123456789",
    ],
)
@pytest.mark.parametrize("path", ["/api/users/me", "/api/stats", "/"])
def test_a_token_that_is_none_opens_no_open_door(
    client: FlaskClient, token: str, path: str
) -> None:
    answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == (303 if path == "/" else 401)


def test_a_token_that_another_key_signed(client: FlaskClient, core: Platform) -> None:
    answer = login(client, people.add_user(core))
    client.application.config["JWT_SECRET_KEY"] = "another key that is long enough for it"
    error(client.get("/api/users/me", headers=shows(answer)), 401, "UNAUTHORIZED")


def test_an_old_token_does_not_hinder_a_login(client: FlaskClient, core: Platform) -> None:
    email = people.add_user(core)
    answer = client.post(
        PATH,
        json={"email": email, "password": people.PASSWORD},
        headers={"Authorization": "Bearer old"},
    )
    assert answer.status_code == 200


# Refreshing


def refresh(client: FlaskClient, token: str) -> Any:
    return client.post("/api/auth/refresh", json={"refreshToken": token})


def test_refreshing(client: FlaskClient, core: Platform) -> None:
    first = login(client, people.add_user(core))
    second = refresh(client, first.json["data"]["refreshToken"])
    assert second.status_code == 200
    assert list(second.json["data"]) == list(first.json["data"])
    assert client.get("/api/users/me", headers=shows(second)).status_code == 200


def test_a_refresh_token_that_comes_again_ends_the_sign_in(
    client: FlaskClient, core: Platform
) -> None:
    first = login(client, people.add_user(core)).json["data"]["refreshToken"]
    second = refresh(client, first)
    error(refresh(client, first), 401, "UNAUTHORIZED")
    error(refresh(client, second.json["data"]["refreshToken"]), 401, "UNAUTHORIZED")
    error(client.get("/api/users/me", headers=shows(second)), 401, "UNAUTHORIZED")


def test_an_access_token_refreshes_nothing(client: FlaskClient, core: Platform) -> None:
    answer = login(client, people.add_user(core))
    error(refresh(client, answer.json["data"]["token"]), 401, "UNAUTHORIZED")


# The second factor


def test_a_second_factor(client: FlaskClient, core: Platform) -> None:
    email = people.add_user(core)
    headers = shows(login(client, email))
    made = client.post("/api/users/me/totp", headers=headers).json["data"]
    assert list(made) == ["secret", "otpauthUrl", "qrCode"]
    assert made["qrCode"].startswith("<svg")
    code = pyotp.TOTP(made["secret"]).now()
    on = client.post("/api/users/me/totp/confirm", json={"code": code}, headers=headers)
    codes = on.json["data"]["recoveryCodes"]

    found = error(login(client, email), 401, "UNAUTHORIZED")
    assert found["details"] == {"secondFactor": "required", "field": "code"}
    assert "details" not in error(login(client, email, code="000000"), 401, "UNAUTHORIZED")
    assert login(client, email, code=codes[0]).status_code == 200
    error(login(client, email, code=codes[0]), 401, "UNAUTHORIZED")

    proof = {"password": people.PASSWORD, "code": codes[1]}
    renewed = client.post("/api/users/me/totp/recovery-codes", json=proof, headers=headers)
    fresh = renewed.json["data"]["recoveryCodes"]
    off = client.post(
        "/api/users/me/totp/disable", json=proof | {"code": fresh[0]}, headers=headers
    )
    assert off.json == {"success": True, "data": {"message": "The second factor is off"}}
    assert login(client, email).status_code == 200
