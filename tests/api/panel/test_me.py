"""Document 004, the account of whoever asks: {"success": true, "data": {...}}."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from paas.domain.permissions import Standing
from paas.engine.platform import Platform
from paas.services import invitations
from tests.api.panel.support import error, login, shows
from tests.services import people

ME = "/api/users/me"
TOKENS = f"{ME}/tokens"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture
def email(core: Platform) -> str:
    return people.add_user(core, "user@example.com")


@pytest.fixture
def headers(client: FlaskClient, email: str) -> dict[str, str]:
    return shows(login(client, email))


def test_the_documented_profile(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.get(ME, headers=headers)
    assert answer.status_code == 200
    data = answer.json["data"]
    assert list(data) == ["id", "email", "firstName", "lastName", "role", "createdAt"]
    assert type(data["id"]) is int
    assert re.fullmatch(TIME, data["createdAt"])


def test_the_documented_change(client: FlaskClient, headers: dict[str, str], email: str) -> None:
    body = {
        "firstName": "John",
        "lastName": "Doe",
        "currentPassword": people.PASSWORD,
        "newPassword": "newsecurepassword-0917",
    }
    answer = client.put(ME, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json == client.get(ME, headers=headers).json
    assert (answer.json["data"]["firstName"], answer.json["data"]["lastName"]) == ("John", "Doe")
    error(login(client, email), 401, "UNAUTHORIZED")
    given = {"email": email, "password": body["newPassword"]}
    assert client.post("/api/auth/login", json=given).status_code == 200


def test_what_is_left_out_stays(client: FlaskClient, headers: dict[str, str]) -> None:
    client.put(ME, json={"firstName": "John", "lastName": "Doe"}, headers=headers)
    answer = client.put(ME, json={"firstName": ""}, headers=headers)
    assert (answer.json["data"]["firstName"], answer.json["data"]["lastName"]) == ("", "Doe")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"newPassword": "a new password 0917"}, "Invalid currentPassword. "),
        ({"currentPassword": "wrong", "newPassword": "a new password 0917"}, "The current "),
        ({"firstName": 7}, "Invalid firstName. "),
        ({"lastName": "a\nb"}, "Invalid lastName. "),
        ({"lastName": "a" * 101}, "Invalid lastName. "),
        ({"role": "admin"}, "Unknown field 'role'"),
        ({"email": "other@example.com"}, "Unknown field 'email'"),
    ],
)
def test_what_cannot_be_changed(
    client: FlaskClient, headers: dict[str, str], body: dict[str, Any], sentence: str
) -> None:
    found = error(client.put(ME, json=body, headers=headers), 400, "VALIDATION_ERROR")
    assert found["message"].startswith(sentence)


def test_a_new_password_ends_all_other_sign_ins(
    client: FlaskClient, headers: dict[str, str], email: str
) -> None:
    other = shows(login(client, email))
    body = {"currentPassword": people.PASSWORD, "newPassword": "newsecurepassword-0917"}
    assert client.put(ME, json=body, headers=headers).status_code == 200
    assert client.get(ME, headers=headers).status_code == 200
    error(client.get(ME, headers=other), 401, "UNAUTHORIZED")


def test_where_i_am_signed_in(client: FlaskClient, headers: dict[str, str], email: str) -> None:
    other = shows(login(client, email))
    found = client.get(f"{ME}/sign-ins", headers=headers).json["data"]
    assert [one["current"] for one in found] == [False, True]
    assert list(found[0]) == [
        *("id", "ipAddress", "userAgent", "createdAt", "expiresAt", "current"),
    ]
    path = f"{ME}/sign-ins/{found[0]['id']}"
    assert client.delete(path, headers=headers).status_code == 200
    error(client.get(ME, headers=other), 401, "UNAUTHORIZED")
    lost = error(client.delete(path, headers=headers), 404, "NOT_FOUND")
    assert lost["details"] == {"resource": "sign-in", "id": found[0]["id"]}
    third = shows(login(client, email))
    client.delete(f"{ME}/sign-ins", headers=headers)
    error(client.get(ME, headers=third), 401, "UNAUTHORIZED")
    assert client.get(ME, headers=headers).status_code == 200


# Named tokens


def make(client: FlaskClient, headers: dict[str, str], *scopes: str, **more: Any) -> Any:
    body = {"name": "a script", "scopes": list(scopes), **more}
    return client.post(TOKENS, json=body, headers=headers)


def test_a_named_token(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = make(client, headers, "apps:read", expiresInDays=30)
    assert answer.status_code == 201
    made = answer.json["data"]
    keys = ["id", "name", "prefix", "scopes", "tenant", "createdAt", "expiresAt", "lastUsedAt"]
    assert list(made) == [*keys, "token"]
    assert made["token"].startswith(made["prefix"])
    token = {"Authorization": f"Bearer {made['token']}"}
    assert client.get("/api/stats", headers=token).status_code == 200
    denied = client.post(
        "/api/deployments/2f0c1f8e-6f0b-4b43-8f0e-0d2c6a3b9d11/stop", headers=token
    )
    assert denied.status_code == 403
    (listed,) = client.get(TOKENS, headers=headers).json["data"]
    assert list(listed) == keys
    assert re.fullmatch(TIME, listed["lastUsedAt"])
    assert client.delete(f"{TOKENS}/{made['id']}", headers=headers).status_code == 200
    assert client.get("/api/stats", headers=token).status_code == 401
    error(client.delete(f"{TOKENS}/{made['id']}", headers=headers), 404, "NOT_FOUND")
    assert client.get(TOKENS, headers=headers).json["data"] == []


def test_who_may_change_a_thing_sees_it(client: FlaskClient, headers: dict[str, str]) -> None:
    made = make(client, headers, "apps:deploy").json["data"]
    token = {"Authorization": f"Bearer {made['token']}"}
    assert client.get("/api/paas/apps", headers=token).status_code == 200


def test_a_token_makes_no_tokens(client: FlaskClient, headers: dict[str, str]) -> None:
    made = make(client, headers, "account").json["data"]
    token = {"Authorization": f"Bearer {made['token']}"}
    assert client.get(ME, headers=token).status_code == 200
    error(make(client, token, "account"), 403, "FORBIDDEN")
    error(client.put(ME, json={"firstName": "x"}, headers=token), 403, "FORBIDDEN")


@pytest.mark.parametrize(
    "body",
    [
        {"scopes": ["apps:read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["apps:everything"]},
        {"name": "x", "scopes": ["admin:read"]},
        {"name": "x", "scopes": "apps:read"},
        {"name": "x", "scopes": ["apps:read"], "expiresInDays": 0},
        {"name": "x", "scopes": ["apps:read"], "expiresInDays": "7"},
    ],
)
def test_tokens_that_cannot_be_made(
    client: FlaskClient, headers: dict[str, str], body: dict[str, Any]
) -> None:
    error(client.post(TOKENS, json=body, headers=headers), 400, "VALIDATION_ERROR")


# Letters


def test_a_forgotten_password(
    client: FlaskClient, email: str, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [
        client.post("/api/auth/password-reset", json={"email": address})
        for address in (email, "nobody@example.com")
    ]
    assert answers[0].status_code == 200
    assert answers[0].json == answers[1].json


def test_a_link_that_is_none(client: FlaskClient) -> None:
    body = {"token": "x", "newPassword": "a new password 0917"}
    error(client.post("/api/auth/password-reset/confirm", json=body), 404, "NOT_FOUND")
    for path in ("look", "accept"):
        answer = client.post(f"/api/auth/invitations/{path}", json={"token": "x"})
        error(answer, 404, "NOT_FOUND")


def test_an_invitation(
    client: FlaskClient, core: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    links: list[str] = []
    monkeypatch.setattr(
        "paas.services.letters.deliver", lambda _, draft: links.append(draft.link) or ""
    )
    invitations.invite(core, people.owner(core), "new@example.com", Standing.MEMBER)
    token = links[0].rpartition("/")[2]
    look = client.post("/api/auth/invitations/look", json={"token": token})
    assert list(look.json["data"]) == [
        *("email", "tenant", "standing", "invitedBy", "hasAccount", "expiresAt"),
    ]
    body = {
        "token": token,
        "firstName": "John",
        "lastName": "Doe",
        "password": "a new password 0917",
    }
    answer = client.post("/api/auth/invitations/accept", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json["data"]["firstName"] == "John"
    given = {"email": "new@example.com", "password": body["password"]}
    assert client.post("/api/auth/login", json=given).status_code == 200


# Versions


V1 = "application/vnd.skypanel.v1+json"
V2 = "application/vnd.skypanel.v2+json"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (V1, V1),
        (V1.upper(), V1),
        (f"{V1}, application/json;q=0.5", V1),
        (f"{V1};q=0.5, application/json", "application/json"),
        (f"{V2}, {V1}", V1),
        (f"{V2}, application/json", "application/json"),
        (f"{V2}, */*", "application/json"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("", "application/json"),
    ],
)
def test_a_version_that_there_is(
    client: FlaskClient, headers: dict[str, str], accept: str, kind: str
) -> None:
    answer = client.get(ME, headers={**headers, "Accept": accept})
    assert answer.status_code == 200
    assert answer.content_type == kind
    assert answer.json["success"] is True
    assert "Accept" in answer.vary


@pytest.mark.parametrize(
    "accept", [V2, "application/vnd.skypanel+json", f"{V2}, {V1};q=0", V2.upper()]
)
def test_a_version_that_there_is_not(
    client: FlaskClient, headers: dict[str, str], accept: str
) -> None:
    found = error(client.get(ME, headers={**headers, "Accept": accept}), 406, "NOT_ACCEPTABLE")
    assert "accept application/vnd.skypanel.v1+json or application/json" in found["message"]


def test_errors_and_bodies_are_versioned_too(client: FlaskClient, email: str) -> None:
    answer = client.get(ME, headers={"Accept": V1})
    assert (answer.status_code, answer.content_type) == (401, V1)
    body = f'{{"email": "{email}", "password": "{people.PASSWORD}"}}'
    assert client.post("/api/auth/login", data=body, content_type=V1).status_code == 200
