"""Proxies of PAAS_TRUSTED_PROXIES say who asks; nobody else does."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

import paas
from paas.api import identity
from paas.engine.platform import Platform
from paas.proxies import TrustedProxies
from tests.api.support import TOKEN

BEARER = {"Authorization": f"Bearer {TOKEN}"}
PROXY = "192.0.2.7"
TRUSTED = (PROXY, "10.0.0.0/24", "2001:db8::/64", "127.0.0.1")
Seen = Callable[..., tuple[str | None, str, str]]


@pytest.fixture
def seen() -> Seen:
    """Address, scheme and host of a request as the routes see it."""
    app = Flask("seen")
    app.add_url_rule(
        "/", view_func=lambda: [request.remote_addr, request.scheme, request.headers["Host"]]
    )
    app.wsgi_app = TrustedProxies(app.wsgi_app, TRUSTED)  # type: ignore[method-assign]

    def ask(peer: str, **headers: str) -> tuple[str | None, str, str]:
        given = {f"X-Forwarded-{name}": value for name, value in headers.items()}
        answer = app.test_client().get("/", headers=given, environ_overrides={"REMOTE_ADDR": peer})
        address, scheme, host = answer.json
        return address, scheme, host

    return ask


@pytest.mark.parametrize(
    ("peer", "hops", "sender"),
    [
        (PROXY, "198.51.100.1", "198.51.100.1"),
        (PROXY, "2001:db8:1::9", "2001:db8:1::9"),
        (PROXY, "::ffff:198.51.100.1", "198.51.100.1"),
        (f"::ffff:{PROXY}", "198.51.100.1", "198.51.100.1"),
        ("2001:db8::1", "198.51.100.1", "198.51.100.1"),
        # What the sender wrote stands left of what the proxies did.
        (PROXY, "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        (PROXY, "127.0.0.1, 198.51.100.1", "198.51.100.1"),
        (PROXY, "nonsense, 198.51.100.1,10.0.0.5", "198.51.100.1"),
        (PROXY, "10.0.0.4, 10.0.0.5", "10.0.0.4"),
        (PROXY, "198.51.100.1, unknown", PROXY),
        (PROXY, "198.51.100.1, unknown, 10.0.0.5", "10.0.0.5"),
        (PROXY, "198.51.100.1:4711", PROXY),
        (PROXY, "", PROXY),
        # These are no proxies of ours.
        ("192.0.2.8", "198.51.100.1", "192.0.2.8"),
        ("10.0.1.1", "198.51.100.1", "10.0.1.1"),
        ("127.0.0.2", "198.51.100.1", "127.0.0.2"),
        ("", "198.51.100.1", ""),
    ],
)
def test_who_asks(seen: Seen, peer: str, hops: str, sender: str) -> None:
    assert (seen(peer, For=hops)[0] or "") == sender


@pytest.mark.parametrize(
    ("peer", "said", "scheme"),
    [
        (PROXY, "https", "https"),
        (PROXY, "HTTPS", "https"),
        (PROXY, "https, http", "http"),
        (PROXY, "ftp", "http"),
        (PROXY, "", "http"),
        ("192.0.2.8", "https", "http"),
    ],
)
def test_how_it_came(seen: Seen, peer: str, said: str, scheme: str) -> None:
    assert seen(peer, Proto=said)[1] == scheme


def test_which_name_was_called(seen: Seen) -> None:
    assert seen(PROXY, Host="paas.example.org")[2] == "paas.example.org"
    assert seen(PROXY, Host="evil.example, paas.example.org")[2] == "paas.example.org"
    assert seen("192.0.2.8", Host="paas.example.org")[2] == "localhost"
    assert seen(PROXY)[2] == "localhost"


@pytest.fixture
def behind(core: Platform) -> FlaskClient:
    """A client of a platform on a loopback address, behind a proxy on the same machine."""
    settings = replace(
        core.settings, hosts=("paas.example.org",), trusted_proxies=("127.0.0.1", PROXY)
    )
    app = paas.create_app(platform=replace(core, settings=settings))
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = "127.0.0.1"
    return client


@pytest.mark.parametrize("sender", ["198.51.100.1", "127.0.0.1", "127.0.0.2", "::1"])
def test_through_a_proxy_nobody_is_local(behind: FlaskClient, sender: str) -> None:
    headers = {"X-Forwarded-For": sender}
    assert behind.get("/api/stats", headers=headers).status_code == 401
    assert behind.get("/api/stats", headers=headers | BEARER).status_code == 200


def test_a_proxy_that_says_nothing_is_not_local_either(behind: FlaskClient) -> None:
    assert behind.get("/api/stats").status_code == 401
    elsewhere = {"REMOTE_ADDR": "127.0.0.2"}
    assert behind.get("/api/stats", environ_overrides=elsewhere).status_code == 200


def test_the_name_that_was_called_is_still_checked(behind: FlaskClient) -> None:
    for host, status in (("paas.example.org", 200), ("evil.example", 421)):
        headers = BEARER | {"X-Forwarded-Host": host}
        assert behind.get("/health", headers=headers).status_code == status


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_cookie_is_secure_when_the_browser_came_by_https(
    behind: FlaskClient, scheme: str
) -> None:
    answer = behind.get("/sign-in", headers={"X-Forwarded-Proto": scheme})
    assert ("Secure" in answer.headers["Set-Cookie"]) == (scheme == "https")


def test_what_is_done_is_noted_with_the_address_of_who_asked(behind: FlaskClient) -> None:
    with behind:
        behind.get("/api/stats", headers=BEARER | {"X-Forwarded-For": "198.51.100.1"})
        assert identity.actor().source == "198.51.100.1"


def test_each_sender_has_a_count_of_its_own(behind: FlaskClient) -> None:
    def left(sender: str) -> int:
        answer = behind.get("/api/stats", headers={"X-Forwarded-For": sender})
        return int(answer.headers["X-RateLimit-Remaining"])

    first = left("198.51.100.1")
    assert left("198.51.100.1") == first - 1
    assert left("198.51.100.2") == first
