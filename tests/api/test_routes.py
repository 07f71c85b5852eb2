"""Every route of the application, met by every kind of caller.

A new route has no place in the table and fails until it is given one: ``GUARDED`` routes need a
local caller or the token, ``OPEN`` ones nothing.
"""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from tests.api.support import TOKEN, UUID_OF_NOBODY

OPEN = {
    "web.static",
    "platform.static",
    "rq_dashboard.static",
    "web.session.sign_in",
    "web.session.enter",
}
GUARDED = {
    "deploy.health",
    "deploy.api_health",
    "deploy.frameworks",
    "deploy.stats",
    "deploy.deploy",
    "deploy.listed",
    "deploy.shown",
    "deploy.delete",
    "deploy.logs",
    "deploy.runtime_logs",
    "deploy.redeploy",
    "deploy.stop",
    "deploy.start",
    "deploy.restart",
    "deploy.shutdown",
    "deploy.drift",
    "deploy.answer_drift",
    "upkeep.report",
    "upkeep.run",
    "upkeep.adopt",
    "upkeep.remove",
    "platform.events",
    "platform.terraform",
    "platform.metrics",
    "platform.openapi",
    "platform.docs",
    "web.overview.index",
    "web.overview.live",
    "web.overview.deploy",
    "web.app.show",
    "web.app.live",
    "web.app.output",
    "web.app.guest",
    "web.app.answer_drift",
    "web.app.restart",
    "web.app.log_text",
    "web.app.confirm_destroy",
    "web.app.redeploy",
    "web.app.stop",
    "web.app.start",
    "web.app.destroy",
    "web.session.sign_out",
}
# The queue's dashboard brings its routes itself, all of them below this name.
GUARDED_NAMES = ("rq_dashboard.",)

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
    return endpoint not in OPEN and (endpoint in GUARDED or endpoint.startswith(GUARDED_NAMES))


def routes(app: Flask) -> list[tuple[Rule, str]]:
    found = []
    for rule in app.url_map.iter_rules():
        found += [(rule, method) for method in sorted(rule.methods or ()) if method != "OPTIONS"]
    return found


def path_of(rule: Rule) -> str:
    """A path that fits the rule and names nothing that there is."""
    path = re.sub(r"<int:\w+>", "1", rule.rule)
    path = re.sub(r"<path:\w+>", "nothing.css", path)
    return re.sub(r"<[^>]+>", UUID_OF_NOBODY, path)


def test_every_route_has_a_place_in_the_table(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    unknown = {e for e in endpoints if not is_guarded(e) and e not in OPEN}
    assert not unknown, "say of these routes whether they are guarded or open"
    assert endpoints >= OPEN | GUARDED, "these routes are no more"


@pytest.mark.parametrize("caller", CALLERS)
def test_every_route_as_every_caller(client: FlaskClient, app: Flask, caller: str) -> None:
    for number, (rule, method) in enumerate(routes(app)):
        # Each from an address of its own, so that none asks too often.
        given = CALLERS[caller]
        peer = f"{given['REMOTE_ADDR'].split('.', 1)[0]}.0.{number // 250}.{number % 250 + 1}"
        overrides = given | {"REMOTE_ADDR": peer}
        answer = client.open(path_of(rule), method=method, environ_overrides=overrides)
        answer.close()
        place = f"{caller}: {method} {rule.rule}"
        if caller.startswith("rebound"):
            assert answer.status_code == 421, place
        elif caller in OUTSIDE and is_guarded(rule.endpoint):
            assert is_shut(answer), place
        else:
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
