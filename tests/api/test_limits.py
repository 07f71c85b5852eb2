"""How often each API may be asked: X-RateLimit-Limit, -Remaining and -Reset, and 429 after that."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

import paas
from paas.api.rates import BY_ROLE, Rates
from paas.domain.permissions import ALL, Role
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from tests import servers
from tests.api.support import TOKEN, forget_counts
from tests.services import people

APPS = "/api/paas/nothing"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def headers_of(core: Platform, client: FlaskClient, **about: Any) -> dict[str, str]:
    """What a new user shows."""
    email = people.add_user(core, **about)
    answer = client.post(
        "/api/auth/login",
        json={"email": email, "password": people.PASSWORD},
        environ_overrides={"REMOTE_ADDR": "203.0.113.250"},
    )
    return {"Authorization": f"Bearer {answer.json['data']['token']}"}


def numbers(answer: Any) -> tuple[int, int]:
    assert time.time() - 1 <= int(answer.headers["X-RateLimit-Reset"]) <= time.time() + 901
    return int(answer.headers["X-RateLimit-Limit"]), int(answer.headers["X-RateLimit-Remaining"])


def peer(address: str) -> dict[str, str]:
    return {"REMOTE_ADDR": address}


# What is counted, and for whom


def test_document_000_takes_as_much_as_the_role_may(core: Platform, client: FlaskClient) -> None:
    user = headers_of(core, client)
    admin = headers_of(core, client, role=Role.ADMIN)
    assert numbers(client.get(APPS)) == (10, 9)
    assert numbers(client.get(APPS, headers=user)) == (100, 99)
    assert numbers(client.get(APPS, headers=user)) == (100, 98)
    assert numbers(client.get(APPS, headers=admin)) == (1000, 999)
    assert numbers(client.get(APPS, headers=BEARER)) == (1000, 999)


def test_one_too_many(client: FlaskClient) -> None:
    answers = [client.get(APPS) for _ in range(12)]
    assert [one.status_code for one in answers] == [401] * 10 + [429] * 2
    last = answers[-1]
    assert numbers(last) == (10, 0)
    seconds = int(last.headers["Retry-After"])
    assert 1 <= seconds <= 61
    assert list(last.json) == ["error"]
    assert last.json["error"].startswith("Too many requests: 10 per minute are taken here. ")


def test_who_is_over_the_limit_does_not_hinder_others(core: Platform, client: FlaskClient) -> None:
    one, other = headers_of(core, client), headers_of(core, client)
    for _ in range(100):
        client.get(APPS, headers=one)
    assert client.get(APPS, headers=one).status_code == 429
    assert client.get(APPS, headers=other).status_code == 404
    assert client.get(APPS).status_code == 401


def test_all_tokens_of_a_user_are_counted_together(core: Platform, client: FlaskClient) -> None:
    email = people.add_user(core)
    tokens = []
    for _ in range(2):
        given = {"email": email, "password": people.PASSWORD}
        tokens.append(client.post("/api/auth/login", json=given).json["data"]["token"])
    left = [
        numbers(client.get(APPS, headers={"Authorization": f"Bearer {token}"}))[1]
        for token in tokens
    ]
    assert left == [99, 98]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.7", "192.0.2.8", False),
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("2001:db8:1:2::7", "2001:db8:1:2:ffff::1", True),
        ("2001:db8:1:2::7", "2001:db8:1:3::7", False),
        ("", "unix", False),
    ],
)
def test_what_one_address_is(client: FlaskClient, one: str, other: str, same: bool) -> None:
    assert numbers(client.get(APPS, environ_overrides=peer(one)))[1] == 9
    left = numbers(client.get(APPS, environ_overrides=peer(other)))[1]
    assert left == (8 if same else 9)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
def test_a_header_of_a_proxy_gives_nobody_a_new_count(client: FlaskClient, header: str) -> None:
    left = [
        numbers(client.get(APPS, headers={header: f"198.51.100.{number}"}))[1]
        for number in range(3)
    ]
    assert left == [9, 8, 7]


def test_wrong_tokens_are_counted_for_their_address(client: FlaskClient) -> None:
    left = [
        numbers(client.get(APPS, headers={"Authorization": f"Bearer wrong-{number}"}))[1]
        for number in range(3)
    ]
    assert left == [9, 8, 7]


# Each API


def test_errors_of_every_kind_say_what_is_left(client: FlaskClient) -> None:
    for method, path in (("GET", "/api/paas"), ("PUT", APPS), ("GET", "/api/admin/paas/x")):
        answer = client.open(path, method=method, headers=BEARER)
        assert answer.status_code == 404
        assert numbers(answer)[0] == 1000
    answer = client.get("/api/paas", headers=BEARER)
    assert numbers(answer) == (1000, 996)


def test_document_004_counts_addresses(core: Platform, client: FlaskClient) -> None:
    user = headers_of(core, client)
    assert numbers(client.get("/api/users/me", headers=user)) == (1000, 999)
    assert numbers(client.get("/api/users/me")) == (1000, 998)
    assert numbers(client.get("/api/users/me", environ_overrides=peer("192.0.2.7"))) == (1000, 999)


def test_signing_in_has_a_lower_limit_besides(client: FlaskClient) -> None:
    answers = [client.post("/api/auth/refresh", json={}) for _ in range(11)]
    assert [one.status_code for one in answers] == [400] * 10 + [429]
    assert [numbers(one) for one in answers] == [(10, left) for left in (*range(9, -1, -1), 0)]
    assert answers[-1].json["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert int(answers[-1].headers["Retry-After"]) <= 61
    # They count among the thousand, too; the one that was refused does not.
    assert numbers(client.get("/api/users/me")) == (1000, 989)


@pytest.mark.parametrize("path", ["/api/stats", "/api/reconcile", "/metrics", "/", "/nothing"])
def test_what_comes_from_this_machine_is_not_counted(client: FlaskClient, path: str) -> None:
    assert "X-RateLimit-Limit" not in client.get(path).headers
    assert "X-RateLimit-Limit" not in client.get(path, headers=BEARER).headers


@pytest.mark.parametrize(
    ("path", "limit"), [("/api/stats", 10), ("/docs", 10), ("/", 1200), ("/sign-in", 60)]
)
def test_what_comes_from_elsewhere_is(remote: FlaskClient, path: str, limit: int) -> None:
    assert numbers(remote.get(path)) == (limit, limit - 1)


def test_files_that_are_the_same_for_everybody_are_not_counted(remote: FlaskClient) -> None:
    assert "X-RateLimit-Limit" not in remote.get("/assets/app.css").headers


def test_the_pages_say_it_in_a_page(remote: FlaskClient) -> None:
    for _ in range(60):
        remote.get("/sign-in")
    answer = remote.get("/sign-in")
    assert answer.status_code == 429
    assert "Too many requests: 60 per minute are taken here" in answer.text
    assert answer.mimetype == "text/html"


# Where the counts are


def test_two_web_processes_share_the_counts(core: Platform) -> None:
    one, other = (paas.create_app(platform=core).test_client() for _ in range(2))
    left = [numbers(client.get(APPS))[1] for client in (one, other, one, other)]
    assert left == [9, 8, 7, 6]


def test_two_installations_on_one_redis_do_not(core: Platform) -> None:
    other = replace(core, installation="00000000-0000-4000-8000-000000000000")
    for platform in (core, other):
        assert numbers(paas.create_app(platform=platform).test_client().get(APPS)) == (10, 9)


@pytest.fixture
def mortal(core: Platform) -> Iterator[tuple[Platform, Redis]]:
    """A platform with a Redis of its own, which a test may end."""
    with servers.redis_url() as url:
        settings = replace(core.settings, redis_url=url)
        yield replace(core, settings=settings), Redis.from_url(url)


def test_without_redis_the_limit_holds(mortal: tuple[Platform, Redis]) -> None:
    platform, redis = mortal
    client = paas.create_app(platform=platform).test_client()
    assert numbers(client.get(APPS)) == (10, 9)
    redis.shutdown(nosave=True)
    answers = [client.get(APPS) for _ in range(12)]
    assert [one.status_code for one in answers] == [401] * 10 + [429] * 2
    assert numbers(answers[-1]) == (10, 0)


def test_a_redis_that_was_never_there(core: Platform, tmp_path: Path) -> None:
    settings = replace(core.settings, redis_url=f"unix://{tmp_path}/none.sock")
    client = paas.create_app(platform=replace(core, settings=settings)).test_client()
    answers = [client.get(APPS) for _ in range(11)]
    assert [one.status_code for one in answers] == [401] * 10 + [429]


def test_counts_are_forgotten_between_tests(core: Platform, client: FlaskClient) -> None:
    client.get(APPS)
    forget_counts(core.settings.redis_url)
    assert numbers(client.get(APPS)) == (10, 9)


# The rates by themselves


def test_the_rate_of_a_role() -> None:
    admin = Actor(1, permissions=ALL, role=Role.ADMIN)
    found = [BY_ROLE.of_role(actor) for actor in (None, Actor(1), admin)]
    assert found == ["10 per minute", "100 per minute", "1000 per minute"]


@pytest.mark.parametrize(
    ("path", "rate"),
    [
        ("/api/auth", "1 per minute; 9 per hour"),
        ("/api/auth/login", "1 per minute; 9 per hour"),
        ("/api/authority", "9 per hour"),
        ("/api/users", "9 per hour"),
    ],
)
def test_the_rate_of_a_path(path: str, rate: str) -> None:
    rates = Rates(address="9 per hour", below={"/api/auth": "1 per minute"})
    assert rates.of_address(path) == rate
