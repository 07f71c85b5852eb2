"""The injection corpus in what administrators and owners give of plans, settings, workers, usage
and repositories: refused, or kept literally and shown as the text that was sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from paas.domain.live import NAMES, SECRETS
from tests.api.paas.test_injection import assert_refused
from tests.api.test_injection import MARK, PAYLOADS, assert_clean

PLANS = "/api/admin/paas/plans"
SETTINGS = "/api/admin/paas/settings"
WORKERS = "/api/admin/paas/workers"


@pytest.fixture(autouse=True)
def _nothing_happened() -> Iterator[None]:
    yield
    assert not Path("/", "tmp", MARK).exists()


def in_path(payload: str) -> str:
    return quote(payload.encode("utf-8", "surrogatepass"), safe="")


def plan(number: int) -> dict[str, Any]:
    return {
        "name": "Large",
        "slug": f"large-{number}",
        "cpu_cores": 1,
        "ram_mb": 1024,
        "disk_gb": 20,
        "max_replicas": 3,
        "price_per_hour": 0.5,
        "features": {},
    }


def put_in(place: str, payload: str) -> dict[str, Any]:
    """A plan's fields with the payload at a place: in a field, or in one of its members."""
    name, _, member = place.partition("/")
    match member:
        case "":
            return {name: payload}
        case "(name)":
            return {name: {payload: True}}
        case "nodes":
            return {name: {member: [payload]}}
    return {name: {member: payload}}


@pytest.mark.parametrize(
    "place",
    [
        *("name", "slug", "cpu_cores", "ram_mb", "max_replicas", "price_per_hour"),
        *("features", "features/a", "features/(name)"),
        *("placement", "placement/nodes", "placement/storage", "placement/bridge"),
        *("placement/vlan", "is_active"),
    ],
)
def test_plans(client: FlaskClient, place: str) -> None:
    taken = 0
    for number, payload in enumerate(PAYLOADS):
        sent = put_in(place, payload)
        answer = client.post(PLANS, json=plan(number) | sent)
        if answer.status_code != 201:
            assert_refused(answer, f"{place}: {payload[:60]!r}")
            continue
        taken += 1
        assert answer.json["plan"].items() >= sent.items()
        assert_clean(answer, payload)
        assert client.get(PLANS).json["plans"][-1].items() >= sent.items()
    assert (taken > 20) is (place in ("name", "features/a"))


@pytest.mark.parametrize("name", NAMES)
def test_settings(client: FlaskClient, name: str) -> None:
    for payload in PAYLOADS:
        answer = client.put(SETTINGS, json={"settings": {name: payload}})
        if answer.status_code == 200:
            shown = "set" if name in SECRETS else payload
            assert answer.json["settings"][name] == shown
            assert_clean(answer, payload)
        else:
            assert_refused(answer, f"{name}: {payload[:60]!r}")


def test_names_of_settings(client: FlaskClient) -> None:
    for payload in PAYLOADS:
        answer = client.put(SETTINGS, json={"settings": {payload: "x"}})
        assert_refused(answer, payload)


@pytest.mark.parametrize(
    "field",
    [
        *("name", "ip_address", "ssh_user", "ssh_key", "ssh_host_key"),
        *("ssh_port", "auto_provision", "api_token", "fingerprint", "ca"),
    ],
)
def test_workers(client: FlaskClient, field: str) -> None:
    body = {"name": "worker-2", "ip_address": "192.168.1.102", "ssh_key": "x"}
    for payload in PAYLOADS:
        answer = client.post(WORKERS, json=body | {field: payload})
        assert_refused(answer, f"{field}: {payload[:60]!r}")


@pytest.mark.parametrize("field", ["token", "username"])
def test_credentials(client: FlaskClient, made: dict[str, Any], field: str) -> None:
    path = f"/api/paas/apps/{made['id']}/repository"
    taken = 0
    for payload in PAYLOADS:
        answer = client.put(f"{path}/token", json={"token": "x", field: payload})
        if answer.status_code != 200:
            assert_refused(answer, f"{field}: {payload[:60]!r}")
            continue
        taken += 1
        assert_clean(answer, payload)
        shown = client.get(path).json["credential"]
        assert shown["username"] == (payload if field == "username" else None)
        assert "token" not in shown
    assert 20 < taken < len(PAYLOADS)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *(("/api/admin/paas/usage", name) for name in ("since", "until", "limit")),
        *(("/api/paas/usage", name) for name in ("since", "until", "limit")),
        *(("/api/admin/paas/apps", name) for name in ("search", "cursor", "limit")),
    ],
)
def test_queries(client: FlaskClient, path: str, name: str) -> None:
    for payload in PAYLOADS:
        answer = client.get(f"{path}?{name}={in_path(payload)}")
        if answer.status_code == 200 and name == "search":
            assert answer.json == {"apps": []}
        else:
            assert_refused(answer, f"{name}: {payload[:60]!r}")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", f"{PLANS}/{{}}"),
        ("DELETE", f"{PLANS}/{{}}"),
        ("DELETE", f"{WORKERS}/{{}}"),
        ("POST", "/api/paas/apps/{}/webhook"),
        ("PUT", "/api/paas/apps/{}/repository/token"),
    ],
)
def test_ids(client: FlaskClient, method: str, path: str) -> None:
    body = {"PATCH": {"name": "x"}, "PUT": {"token": "x"}}.get(method)
    for payload in PAYLOADS:
        more = {"json": body} if body else {}
        answer = client.open(path.format(in_path(payload)), method=method, **more)
        # A path that goes up leads elsewhere, and a slash to where it is left out.
        if payload not in (".", "..", "/etc/passwd"):
            assert_refused(answer, f"{method} {payload[:60]!r}")
