"""Where a request comes from, for every route: this machine, elsewhere, a proxy, another site.

Who may do what is the table of test_authorization.py.
"""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from paas.api.dialect import owner_of
from paas.factory import DIALECTS
from tests.api.authorization import Door, row_of
from tests.api.support import TOKEN
from tests.api.test_authorization import path_of, routes

LOCAL = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost"}
CALLERS: dict[str, dict[str, str]] = {
    "local": LOCAL,
    "rebound": LOCAL | {"HTTP_HOST": "rebound.evil.example"},
    "rebound with token": LOCAL
    | {"HTTP_HOST": "rebound.evil.example", "HTTP_AUTHORIZATION": f"Bearer {TOKEN}"},
    "remote": LOCAL | {"REMOTE_ADDR": "192.0.2.7"},
    "remote with token": LOCAL
    | {"REMOTE_ADDR": "192.0.2.7", "HTTP_AUTHORIZATION": f"Bearer {TOKEN}"},
    "proxied": LOCAL | {"HTTP_X_FORWARDED_FOR": "192.0.2.7"},
    "proxied with Forwarded": LOCAL | {"HTTP_FORWARDED": "for=192.0.2.7"},
    "proxied with token": LOCAL
    | {"HTTP_X_FORWARDED_FOR": "192.0.2.7", "HTTP_AUTHORIZATION": f"Bearer {TOKEN}"},
}
OUTSIDE = {"remote", "proxied", "proxied with Forwarded"}


def is_guarded(endpoint: str) -> bool:
    row = row_of(endpoint)
    return row is None or row.needs is not Door.OPEN


def is_closed(rule: Rule) -> bool:
    """Whether even this machine must show a token there."""
    owner = owner_of(rule.rule, DIALECTS)
    return is_guarded(rule.endpoint) and owner is not None and not owner.open_door


def with_head(app: Flask) -> list[tuple[Rule, str]]:
    found = routes(app)
    return [*found, *((rule, "HEAD") for rule, method in found if method == "GET")]


@pytest.mark.parametrize("caller", CALLERS)
def test_every_route_as_every_caller(client: FlaskClient, app: Flask, caller: str) -> None:
    for number, (rule, method) in enumerate(with_head(app)):
        # Each from an address of its own, so that none asks too often.
        given = CALLERS[caller]
        peer = f"{given['REMOTE_ADDR'].split('.', 1)[0]}.0.{number // 250}.{number % 250 + 1}"
        overrides = given | {"REMOTE_ADDR": peer}
        answer = client.open(path_of(rule), method=method, environ_overrides=overrides)
        answer.close()
        place = f"{caller}: {method} {rule.rule}"
        if caller.startswith("rebound"):
            assert answer.status_code == 421, place
        elif (caller in OUTSIDE and is_guarded(rule.endpoint)) or (
            caller == "local" and is_closed(rule)
        ):
            assert is_shut(answer), place
        elif is_guarded(rule.endpoint):
            assert answer.status_code not in (401, 421), place
            is_sign_out = rule.endpoint == "web.session.sign_out"
            assert is_sign_out or not is_shut(answer), place


def is_shut(answer: Any) -> bool:
    """401 for programs; people are led to the sign-in."""
    if answer.status_code == 401:
        return True
    return answer.status_code == 303 and answer.headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("path", ["/nothing", "/api/nothing"])
@pytest.mark.parametrize("caller", sorted(OUTSIDE))
def test_outside_nobody_learns_which_paths_there_are(
    client: FlaskClient, caller: str, path: str
) -> None:
    assert is_shut(client.get(path, environ_overrides=CALLERS[caller]))


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}])
def test_no_route_takes_a_change_from_another_site(
    client: FlaskClient, app: Flask, headers: dict[str, str]
) -> None:
    for rule, method in routes(app):
        if method in ("GET", "HEAD"):
            continue
        answer = client.open(path_of(rule), method=method, headers=headers)
        assert answer.status_code == 403, f"{method} {rule.rule}"


def test_a_stream_and_a_download_of_a_deployment(
    client: FlaskClient, deployed: dict[str, Any]
) -> None:
    for part in ("events", "terraform", "logs", "runtime-logs", "drift"):
        path = f"/api/deployments/{deployed['id']}/{part}"
        for caller in sorted(OUTSIDE):
            answer = client.get(path, environ_overrides=CALLERS[caller])
            assert answer.status_code == 401, (caller, part)
