"""Every error of document 000: {"error": "..."} and nothing beside it."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from paas.engine.platform import Platform
from tests.api.panel.support import login, shows
from tests.api.support import TOKEN
from tests.services import people

APPS = "/api/paas/apps"
JSON = {"content_type": "application/json"}


@pytest.fixture
def nobody(app: Flask) -> FlaskClient:
    return app.test_client()


def sentence(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/json"
    assert list(answer.json) == ["error"]
    found: str = answer.json["error"]
    assert found
    return found


@pytest.mark.parametrize("path", [APPS, "/api/admin/paas/overview", "/api/paas/nothing"])
@pytest.mark.parametrize("header", [None, "Bearer x", "Basic eDp5", "Bearer", ""])
def test_401_without_a_token_that_counts(
    nobody: FlaskClient, path: str, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = nobody.get(path, headers=headers)
    sentence(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_403_from_another_site(client: FlaskClient) -> None:
    answer = client.post(APPS, json={}, headers={"Origin": "http://evil.example"})
    sentence(answer, 403)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/admin/paas/overview"),
        ("POST", "/api/admin/paas/swarm/init"),
        ("DELETE", "/api/admin/paas/plans/x"),
    ],
)
def test_403_for_a_user_at_what_administrators_do(
    nobody: FlaskClient, core: Platform, method: str, path: str
) -> None:
    headers = shows(login(nobody, people.add_user(core)))
    assert "admin:" in sentence(nobody.open(path, method=method, headers=headers), 403)


@pytest.mark.parametrize("path", ["/api/paas", "/api/paas/", "/api/paas/x", "/api/admin/paas/x"])
def test_404_at_paths_that_are_none(client: FlaskClient, path: str) -> None:
    assert sentence(client.get(path), 404) == "There is nothing at this path"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", APPS, {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", f"{APPS}/x", {"GET", "HEAD", "OPTIONS", "PATCH", "DELETE"}),
        ("GET", f"{APPS}/x/deploy", {"POST", "OPTIONS"}),
        ("DELETE", "/api/admin/paas/overview", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_405(client: FlaskClient, method: str, path: str, allowed: set[str]) -> None:
    answer = client.open(path, method=method)
    sentence(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("path", [APPS, f"{APPS}/x/deploy", f"{APPS}/x/scale"])
def test_413(client: FlaskClient, core: Platform, path: str) -> None:
    sentence(client.post(path, data=b" " * (core.settings.body_limit + 1), **JSON), 413)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("path", [APPS, f"{APPS}/x/deploy", f"{APPS}/x/stop"])
def test_415(client: FlaskClient, path: str, kind: str) -> None:
    sentence(client.post(path, data="name=x", content_type=kind), 415)


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"[]", b"7", b"null", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", b"[" * 50_000],
)
def test_400_for_what_cannot_be_read(client: FlaskClient, data: bytes) -> None:
    sentence(client.post(APPS, data=data, **JSON), 400)


def test_429_by_role(nobody: FlaskClient) -> None:
    for left in range(9, -1, -1):
        answer = nobody.get(APPS)
        sentence(answer, 401)
        assert answer.headers["X-RateLimit-Limit"] == "10"
        assert answer.headers["X-RateLimit-Remaining"] == str(left)
        assert answer.headers["X-RateLimit-Reset"].isdigit()
    answer = nobody.get(APPS)
    sentence(answer, 429)
    assert int(answer.headers["Retry-After"]) >= 1
    answer = nobody.get(APPS, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["X-RateLimit-Limit"] == "1000"


def test_421(client: FlaskClient) -> None:
    sentence(client.get(APPS, headers={"Host": "rebound.evil.example"}), 421)


def test_head_and_options(client: FlaskClient) -> None:
    answer = client.head(APPS)
    assert (answer.status_code, answer.data) == (200, b"")
    assert client.options(APPS).status_code == 200
