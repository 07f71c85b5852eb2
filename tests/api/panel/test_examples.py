"""Every example of document 004 about signing in and users, as it stands there, and its error.

The texts are the document's; the password of the user who is there already is another.
"""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from paas.engine.platform import Platform
from tests.api.examples import assert_shown
from tests.api.panel.support import login, shows
from tests.services import people

LOGIN = """{
  "email": "user@example.com",
  "password": "yourpassword"
}"""
SIGNED_IN = """{
  "success": true,
  "data": {
    "token": "jwt_token_here",
    "user": {
      "id": 1,
      "email": "user@example.com",
      "role": "user"
    }
  }
}"""
PROFILE = """{
  "success": true,
  "data": {
    "id": 1,
    "email": "user@example.com",
    "firstName": "John",
    "lastName": "Doe",
    "role": "user",
    "createdAt": "2023-01-01T00:00:00.000Z"
  }
}"""
CHANGE = """{
  "firstName": "John",
  "lastName": "Doe",
  "currentPassword": "currentpassword",
  "newPassword": "newsecurepassword"
}"""
ERROR = """{
  "success": false,
  "error": {
    "code": "NOT_FOUND",
    "message": "The requested resource was not found",
    "details": {
      "resource": "server",
      "id": "nonexistent-id"
    }
  }
}"""
ACCEPT = {"Accept": "application/vnd.skypanel.v1+json"}


@pytest.fixture
def headers(client: FlaskClient, core: Platform) -> dict[str, str]:
    """The document's headers, with the token of its user."""
    return shows(login(client, people.add_user(core, "user@example.com"))) | ACCEPT


def test_login(client: FlaskClient, core: Platform) -> None:
    people.add_user(core, "user@example.com")
    body = LOGIN.replace("yourpassword", people.PASSWORD)
    answer = client.post(
        "/api/auth/login", data=body, content_type="application/json", headers=ACCEPT
    )
    assert (answer.status_code, answer.mimetype) == (200, ACCEPT["Accept"])
    shown = json.loads(SIGNED_IN)
    given = answer.json
    # What renews a token comes after what the document has.
    assert list(given["data"])[:2] == list(shown["data"])
    for name in ("refreshToken", "expiresIn"):
        del given["data"][name]
    assert_shown(given, shown, ("token",))


def test_the_profile(client: FlaskClient, headers: dict[str, str]) -> None:
    change = {"firstName": "John", "lastName": "Doe"}
    changed = client.put("/api/users/me", json=change, headers=headers)
    answer = client.get("/api/users/me", headers=headers)
    assert (changed.status_code, answer.status_code) == (200, 200)
    assert_shown(changed.json, json.loads(PROFILE))
    assert_shown(answer.json, json.loads(PROFILE))


def test_a_change_of_profile_and_password(client: FlaskClient, headers: dict[str, str]) -> None:
    body = CHANGE.replace("currentpassword", people.PASSWORD)
    answer = client.put(
        "/api/users/me", data=body, content_type="application/json", headers=headers
    )
    assert answer.status_code == 200, answer.text
    assert_shown(answer.json, json.loads(PROFILE))
    given = json.loads(LOGIN.replace("yourpassword", "newsecurepassword"))
    assert client.post("/api/auth/login", json=given).status_code == 200


# The error, for each status that this part of the document can come to


def assert_error(answer: Any, status: int, code: str) -> None:
    shown = json.loads(ERROR)
    assert answer.status_code == status, answer.text
    given = answer.json
    if "details" not in given["error"]:
        del shown["error"]["details"]
    else:
        shown["error"]["details"] = given["error"]["details"]
    assert_shown(given, shown, ("code", "message"))
    assert given["error"]["code"] == code


def test_the_error_to_the_letter(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.delete("/api/users/me/tokens/nonexistent-id", headers=headers)
    assert answer.status_code == 404
    assert_shown(answer.json, json.loads(ERROR), ("message", "resource"))
    assert answer.json["error"]["details"]["resource"] == "token"


def test_the_documented_codes(client: FlaskClient, headers: dict[str, str]) -> None:
    for method, path, more, status, code in (
        ("PUT", "/api/users/me", {"json": {"firstName": 7}}, 400, "VALIDATION_ERROR"),
        ("GET", "/api/users/nothing", {}, 404, "NOT_FOUND"),
        ("POST", "/api/users/me", {"json": {}}, 405, "METHOD_NOT_ALLOWED"),
        (
            "PUT",
            "/api/users/me",
            {"json": {"firstName": "x" * 70_000}},
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        ("PUT", "/api/users/me", {"data": "{}"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        (
            "GET",
            "/api/users/me",
            {"headers": headers | {"Accept": "application/vnd.skypanel.v2+json"}},
            406,
            "NOT_ACCEPTABLE",
        ),
    ):
        answer = client.open(path, method=method, **{"headers": headers, **more})
        assert_error(answer, status, code)
    assert_error(client.get("/api/users/me"), 401, "UNAUTHORIZED")
    evil = {"Origin": "http://evil.example"}
    answer = client.put("/api/users/me", json={}, headers=headers | evil)
    assert_error(answer, 403, "FORBIDDEN")


def test_the_documented_limits(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.get("/api/users/me", headers=headers)
    assert answer.headers["X-RateLimit-Limit"] == "1000"
    # The first of the ten signed the user in.
    for left in range(8, -1, -1):
        answer = client.post("/api/auth/login", json={}, headers=ACCEPT)
        assert_error(answer, 400, "VALIDATION_ERROR")
        assert answer.headers["X-RateLimit-Limit"] == "10"
        assert answer.headers["X-RateLimit-Remaining"] == str(left)
    answer = client.post("/api/auth/login", json={}, headers=ACCEPT)
    assert_error(answer, 429, "RATE_LIMIT_EXCEEDED")
    assert int(answer.headers["Retry-After"]) >= 1
