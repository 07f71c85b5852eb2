"""The injection corpus in every string of document 000's apps: refused, or kept literally."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from paas.engine.platform import Platform
from paas.store.models import App, Deployment
from tests.api.paas.support import app_body
from tests.api.test_injection import MARK, PAYLOADS, assert_clean

APPS = "/api/paas/apps"
FREE = {"name", "env/value"}


@pytest.fixture(autouse=True)
def _nothing_happened() -> Iterator[None]:
    yield
    assert not Path("/", "tmp", MARK).exists()


def assert_refused(answer: Any, place: str) -> None:
    assert 400 <= answer.status_code < 500, f"{place}: {answer.status_code} {answer.text[:200]}"
    assert list(answer.json) == ["error"], place
    assert_clean(answer, place)


def row(core: Platform, app_id: str) -> App:
    with core.store.read() as session:
        return session.query(App).filter_by(uuid=app_id).one()


@pytest.mark.parametrize(
    "field", ["name", "slug", "git_url", "git_branch", "buildpack", "plan_id", "unknown"]
)
def test_a_new_app(client: FlaskClient, core: Platform, field: str) -> None:
    kept = {"git_branch": "branch", "git_url": "repository"}.get(field, field)
    taken = 0
    for number, payload in enumerate(PAYLOADS):
        sent = {payload: "x"} if field == "unknown" else {"slug": f"x-{number}", field: payload}
        answer = client.post(APPS, json={**app_body(), **sent})
        if answer.status_code == 201:
            taken += 1
            app_id = answer.json["app"]["id"]
            assert getattr(row(core, app_id), kept) == payload
            assert_clean(client.get(f"{APPS}/{app_id}"), payload)
        else:
            assert_refused(answer, f"{field}: {payload[:60]!r}")
    assert taken < len(PAYLOADS)
    assert (taken > 20) is (field in FREE)


@pytest.mark.parametrize("field", ["name", "git_branch", "buildpack", "plan_id"])
def test_a_change(client: FlaskClient, core: Platform, made: dict[str, Any], field: str) -> None:
    kept = {"git_branch": "branch"}.get(field, field)
    for payload in PAYLOADS:
        answer = client.patch(f"{APPS}/{made['id']}", json={field: payload})
        if answer.status_code == 200:
            assert getattr(row(core, made["id"]), kept) == payload
            assert_clean(answer, payload)
        else:
            assert_refused(answer, f"{field}: {payload[:60]!r}")


@pytest.mark.parametrize(
    ("verb", "field"),
    [
        ("deploy", "git_commit"),
        ("rollback", "version"),
        ("scale", "replicas"),
        ("rollback", "force"),
    ],
)
def test_verbs(
    client: FlaskClient, core: Platform, running: dict[str, Any], verb: str, field: str
) -> None:
    for payload in PAYLOADS:
        whole = {"version": 1, field: payload} if field == "force" else {field: payload}
        answer = client.post(f"{APPS}/{running['id']}/{verb}", json=whole)
        assert_refused(answer, f"{field}: {payload[:60]!r}")
    with core.store.read() as session:
        assert session.query(Deployment).count() == 1


def test_values_of_variables(client: FlaskClient, core: Platform, made: dict[str, Any]) -> None:
    taken = 0
    for payload in PAYLOADS:
        answer = client.put(f"{APPS}/{made['id']}/env", json={"vars": {"KEY": payload}})
        if answer.status_code == 200:
            taken += 1
            held = core.store.vault.open_map(row(core, made["id"]).environment)
            assert held == {"KEY": payload}
        else:
            assert_refused(answer, payload)
    assert 20 < taken < len(PAYLOADS)


def test_names_of_variables(client: FlaskClient, made: dict[str, Any]) -> None:
    for payload in PAYLOADS:
        answer = client.put(f"{APPS}/{made['id']}/env", json={"vars": {payload: "x"}})
        if answer.status_code == 200:
            assert payload.isidentifier()
            assert client.delete(f"{APPS}/{made['id']}/env/{payload}").status_code == 200
            continue
        assert_refused(answer, payload)
        text = quote(payload.encode("utf-8", "surrogatepass"), safe="")
        answer = client.delete(f"{APPS}/{made['id']}/env/{text}")
        assert answer.status_code in (308, 404, 405)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *(("", name) for name in ("limit", "cursor", "search")),
        *(("/{}/deployments", name) for name in ("limit", "cursor")),
        *(("/{}/logs", name) for name in ("limit", "since", "search")),
        *(("/{}/logs/stream", name) for name in ("limit", "since", "ticket", "last_event_id")),
        ("/{}/logs", "unknown"),
    ],
)
def test_queries(client: FlaskClient, running: dict[str, Any], path: str, name: str) -> None:
    for payload in PAYLOADS:
        text = quote(payload.encode("utf-8", "surrogatepass"), safe="")
        query = f"{text}=1" if name == "unknown" else f"{name}={text}"
        answer = client.get(f"{APPS}{path.format(running['id'])}?{query}")
        if answer.status_code == 200 and name == "search":
            assert_clean(answer, payload)
        else:
            assert_refused(answer, f"{name}: {payload[:60]!r}")


def test_the_header_that_resumes(client: FlaskClient, running: dict[str, Any]) -> None:
    for payload in PAYLOADS:
        text = payload.encode("utf-8", "surrogatepass").decode("latin-1")
        answer = client.get(
            f"{APPS}/{running['id']}/logs/stream",
            environ_overrides={"HTTP_LAST_EVENT_ID": text},
        )
        assert_refused(answer, payload)


def test_ids(client: FlaskClient) -> None:
    for payload in PAYLOADS:
        text = quote(payload.encode("utf-8", "surrogatepass"), safe="")
        for method, path in (
            ("GET", f"{APPS}/{text}"),
            ("POST", f"{APPS}/{text}/deploy"),
            ("GET", f"{APPS}/{text}/logs/stream"),
            ("POST", f"/api/admin/paas/apps/{text}/suspend"),
        ):
            answer = client.open(path, method=method)
            if answer.status_code == 200 and payload in (".", ".."):
                continue
            assert_refused(answer, f"{method} {path[:80]}")
