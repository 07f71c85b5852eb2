"""The doors, a rule a test. That they stand before every route is the table of test_routes.py."""

import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder, run_wsgi_app

import paas
from paas import doors
from paas.engine.platform import Platform
from tests.api.support import TOKEN, body

BEARER = {"Authorization": f"Bearer {TOKEN}"}
ERROR = {"success", "error"}


# Host


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:5000", "127.0.0.1", "127.0.0.1:5000", "127.9.9.9", "[::1]:80"]
)
def test_loopback_names_are_ours(client: FlaskClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:5000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost.",
        "a.localhost",
        "192.0.2.1",
        "0.0.0.0",
        "2130706433",
        "127.1",
        "[::ffff:10.0.0.1]",
        "[::1",
        "127.0.0.1, evil.example",
        "evil.example@127.0.0.1",
        "127.0.0.1/x",
        "127.0.0.1:x",
        "",
        " ",
    ],
)
def test_other_names_are_not_even_with_the_token(client: FlaskClient, host: str) -> None:
    answer = client.get("/api/stats", environ_overrides={"HTTP_HOST": host}, headers=BEARER)
    assert answer.status_code == 421
    assert set(answer.json) == ERROR


def test_a_request_without_a_host(app: Flask) -> None:
    environ = EnvironBuilder(path="/health").get_environ()
    del environ["HTTP_HOST"]
    _, status, _ = run_wsgi_app(app, environ)
    assert status.startswith("421")


def test_names_of_the_setting_are_ours(remote: FlaskClient) -> None:
    assert remote.get("/health", headers=BEARER).status_code == 200
    for host, status in (("PAAS.example.org:443", 200), ("x.example.org", 421)):
        assert remote.get("/health", headers=BEARER | {"Host": host}).status_code == status


def test_dns_rebinding(client: FlaskClient) -> None:
    """A foreign name that resolves to 127.0.0.1: the peer is local, the name is not."""
    answer = client.post(
        "/api/deploy",
        json=body(),
        headers={"Host": "rebind.evil.example:5000", "Origin": "http://rebind.evil.example:5000"},
    )
    assert answer.status_code == 421


# Local or token


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_peers_on_this_machine(client: FlaskClient, peer: str) -> None:
    overrides = {"REMOTE_ADDR": peer}
    assert client.get("/api/stats", environ_overrides=overrides).status_code == 200


@pytest.mark.parametrize("peer", ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1", "", "unix", "0"])
def test_peers_elsewhere_need_the_token(client: FlaskClient, peer: str) -> None:
    overrides = {"REMOTE_ADDR": peer}
    answer = client.get("/api/stats", environ_overrides=overrides)
    assert answer.status_code == 401
    assert set(answer.json) == ERROR
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="paas"'
    assert client.get("/api/stats", environ_overrides=overrides, headers=BEARER).status_code == 200


def test_on_an_address_of_the_network_nobody_is_local(core: Platform) -> None:
    settings = replace(core.settings, host="0.0.0.0", local_unsafe=True)
    client = paas.create_app(platform=replace(core, settings=settings)).test_client()
    assert client.get("/api/stats").status_code == 401
    assert client.get("/api/stats", headers=BEARER).status_code == 200


def test_a_name_of_the_setting_is_not_local(core: Platform) -> None:
    settings = replace(core.settings, hosts=("paas.example.org",))
    client = paas.create_app(platform=replace(core, settings=settings)).test_client()
    assert client.get("/api/stats", headers={"Host": "paas.example.org"}).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Forwarded-Prefix",
        "X-Forwarded",
        "X-Real-IP",
        "X-Client-IP",
        "Via",
    ],
)
@pytest.mark.parametrize("value", ["for=127.0.0.1", "127.0.0.1", ""])
def test_behind_a_proxy_nobody_is_local(client: FlaskClient, header: str, value: str) -> None:
    assert client.get("/api/stats", headers={header: value}).status_code == 401
    assert client.get("/api/stats", headers={header: value, **BEARER}).status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN.upper()}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer é",
        "Bearer " + "x" * 9000,
    ],
)
def test_what_is_no_token(remote: FlaskClient, value: str) -> None:
    assert remote.get("/api/stats", headers={"Authorization": value}).status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_token(remote: FlaskClient, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {TOKEN}"}
    assert remote.get("/api/stats", headers=headers).status_code == 200


def test_a_token_in_the_query_is_none(remote: FlaskClient) -> None:
    assert remote.get(f"/api/stats?token={TOKEN}").status_code == 401


def test_an_empty_token_of_the_platform_opens_nothing(core: Platform) -> None:
    client = paas.create_app(platform=replace(core, token="")).test_client()
    overrides = {"REMOTE_ADDR": "192.0.2.7"}
    for value in ("Bearer", "Bearer ", ""):
        answer = client.get(
            "/api/stats", environ_overrides=overrides, headers={"Authorization": value}
        )
        assert answer.status_code == 401


# Sign-in


def sign_in(client: FlaskClient, token: str = TOKEN, **headers: str) -> Any:
    page = client.get("/sign-in").text
    match = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert match is not None
    data = {"token": token, "csrf_token": match[1]}
    return client.post("/sign-in", data=data, headers=headers)


def test_a_sign_in_opens_everything_for_the_browser(remote: FlaskClient) -> None:
    assert remote.get("/api/stats").status_code == 401
    answer = sign_in(remote)
    assert answer.status_code == 303
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("paas_")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    assert remote.get("/api/stats").status_code == 200
    assert remote.get("/").status_code == 200


def test_a_wrong_token_signs_nobody_in(remote: FlaskClient) -> None:
    assert sign_in(remote, "wrong").status_code == 401
    assert remote.get("/api/stats").status_code == 401


def test_a_sign_in_without_its_form(remote: FlaskClient) -> None:
    assert remote.post("/sign-in", data={"token": TOKEN}).status_code == 400
    assert remote.get("/api/stats").status_code == 401


def test_over_https_the_cookie_is_secure(remote: FlaskClient) -> None:
    remote.environ_base["wsgi.url_scheme"] = "https"
    answer = remote.get("/sign-in", base_url="https://paas.example.org")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-paas_")
    assert "; Secure;" in cookie
    assert "; Path=/" in cookie
    assert "Domain" not in cookie


def test_over_https_a_cookie_without_the_prefix_is_nobodys(remote: FlaskClient) -> None:
    sign_in(remote)
    assert remote.get("/api/stats").status_code == 200
    assert remote.get("/api/stats", base_url="https://paas.example.org").status_code == 401


def test_a_new_token_ends_all_sign_ins(remote: FlaskClient) -> None:
    sign_in(remote)
    remote.application.config["PAAS_TOKEN"] = "another-token-0123456789"
    assert remote.get("/api/stats").status_code == 401


def test_a_cookie_that_another_key_signed(remote: FlaskClient) -> None:
    sign_in(remote)
    remote.application.config["SECRET_KEY"] = "another-key"
    assert remote.get("/api/stats").status_code == 401


def test_two_instances_have_cookies_of_their_own(app: Flask, core: Platform) -> None:
    names = set()
    for key in ("one", "two"):
        other = Flask("paas")
        doors.install(other, core.settings, token=TOKEN, key=key)
        names.add(other.config["SESSION_COOKIE_NAME"])
    assert len(names) == 2


# Other sites


UNSAFE = ["POST", "PUT", "PATCH", "DELETE"]
FOREIGN: list[dict[str, str]] = [
    {"Origin": "http://evil.example"},
    {"Origin": "https://evil.example:5000"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://localhost:1"},
    {"Origin": "http://127.77.0.1:8000"},
    {"Origin": "file://"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("method", UNSAFE)
def test_other_sites_change_nothing(
    client: FlaskClient, method: str, headers: dict[str, str]
) -> None:
    answer = client.open("/api/deploy", method=method, headers=headers, json=body())
    assert answer.status_code == 403
    assert set(answer.json) == ERROR


@pytest.mark.parametrize("headers", FOREIGN)
def test_not_with_the_token_either(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post("/api/deploy", json=body(), headers=headers | BEARER)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost"},
        {"Origin": "https://localhost"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_our_own_pages_and_programs_may(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post("/api/deploy", json=body(), headers=headers).status_code == 200


def test_reading_is_not_hindered_by_where_a_link_was(client: FlaskClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}
    assert client.get("/api/stats", headers=headers).status_code == 200
    answer = client.get("/api/stats", headers=headers)
    assert not [name for name in dict(answer.headers) if name.startswith("Access-Control")]


def test_a_form_of_the_page_carries_its_token(client: FlaskClient) -> None:
    assert client.post("/", data={"name": "x"}).status_code == 400
    answer = client.post("/", json={"name": "x"})
    assert answer.status_code == 400


# What answers carry


PATHS = ["/", "/health", "/api/nothing", "/nothing", "/metrics", "/docs", "/openapi.json", "/rq/"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ["local", "remote"])
def test_headers_that_hold_a_browser_back(
    client: FlaskClient, remote: FlaskClient, path: str, kind: str
) -> None:
    answer = (client if kind == "local" else remote).get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"


def test_only_the_queue_has_a_wider_policy(client: FlaskClient) -> None:
    for path in PATHS:
        policy = client.get(path).headers["Content-Security-Policy"]
        assert ("unsafe" in policy) == path.startswith("/rq"), path


def test_two_slashes_lead_nowhere_else(client: FlaskClient) -> None:
    overrides = {"PATH_INFO": "//evil.example"}
    answer = client.get("/", environ_overrides=overrides)
    assert (answer.status_code, answer.headers.get("Location")) == (404, None)
