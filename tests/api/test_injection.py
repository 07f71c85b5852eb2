"""An injection corpus at the doors: every payload in every string field.

A payload is refused with a 4xx in the dialect's shape, or kept literally: it comes back as the
text that was sent, and nothing that it names has happened.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from paas.engine.platform import Platform
from paas.store.models import App, Deployment
from tests.api.support import UUID_OF_NOBODY, NoGuests, body, wrote

MARK = "injected-by-a-test"

PAYLOADS = [
    # HCL
    f'${{file("/tmp/{MARK}")}}',
    "${path.module}",
    "%{ for x in [1] }x%{ endfor }",
    "%{ if true }x%{ endif ~}",
    '"\n}\nresource "null_resource" "x" {\n',
    "$${escaped}",
    "${jsonencode(var)}",
    "<<EOF\nx\nEOF",
    # Jinja
    "{{ 7 * 7 }}",
    f'{{{{ lookup("pipe", "touch /tmp/{MARK}") }}}}',
    "{% raw %}x{% endraw %}",
    "{% include '/etc/passwd' %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{# comment #}",
    "{{ hostvars }}",
    "#jinja2: trim_blocks:True",
    # Shell
    f"; touch /tmp/{MARK}",
    f"$(touch /tmp/{MARK})",
    f"`touch /tmp/{MARK}`",
    f"| touch /tmp/{MARK}",
    f"&& touch /tmp/{MARK}",
    f"|| touch /tmp/{MARK}",
    f"a\ntouch /tmp/{MARK}",
    f"> /tmp/{MARK}",
    "${IFS}id",
    "$HOME",
    "~root",
    "*",
    "' or true #",
    '" or true #',
    "\\",
    "!!",
    # Options of git, ssh and others
    f"--upload-pack=touch /tmp/{MARK}",
    f"-u touch /tmp/{MARK}",
    "--config=core.sshCommand=id",
    "-oProxyCommand=id",
    "--",
    "-",
    "--help",
    "--exec=id",
    f"ext::sh -c touch% /tmp/{MARK}",
    "fd::17",
    "file:///etc/passwd",
    "git@github.com:a/b",
    "ssh://-oProxyCommand=id/x",
    "https://github.com/a/b --upload-pack=id",
    "https://github.com/a/b\n--upload-pack=id",
    "HEAD@{1}",
    "refs/heads/../../config",
    # Paths
    "../../../../etc/passwd",
    "..\\..\\windows",
    "/etc/passwd",
    "....//....//etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/proc/self/environ",
    ".",
    "..",
    # YAML
    "!!python/object/apply:os.system ['id']",
    "!unsafe x",
    "&a [*a]",
    "key: [unclosed",
    "- item",
    "---\nnew: document",
    "yes",
    "null",
    # Headers
    "x\r\nX-Injected: yes",
    "x\nSet-Cookie: a=b",
    "x\r\n\r\n<html>",
    "x%0d%0aX-Injected: yes",
    # Logs and terminals
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    'x\n2026-01-01 INFO forged "line"',
    "\x08\x08\x08",
    "\r overwritten",
    # Nothing, reordered, half
    "\x00",
    "a\x00b",
    "\u202egnp.exe",
    "\u2066x\u2069",
    "\u2028",
    "\ufeffx",
    "\u200b",
    "\ud800",
    "\U0001f4a9",
    # HTML, SQL
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE apps; --",
    "1 OR 1=1",
    "%",
    "_",
    # Formats and size
    "%s%s%n",
    "{0.__class__}",
    "x" * 5000,
]

Sent = tuple[dict[str, Any], str | None]


def in_body(field: str, payload: str) -> dict[str, Any]:
    """A body with the payload in one field."""
    match field:
        case "github_url/repo":
            return body(github_url=f"https://github.com/owner/{payload}")
        case "github_url/owner":
            return body(github_url=f"https://github.com/{payload}/repo")
        case "environment/name":
            return body(environment={payload: "x"})
        case "environment/value":
            return body(environment={"KEY": payload})
        case "an unknown field":
            return {**body(), payload: payload}
        case "resources/cores":
            return body(resources={"cores": payload, "memory": 1024, "disk": 10})
    return {**body(), field: payload}


def kept(core: Platform, field: str, app_id: str) -> str:
    """What the database holds of the field."""
    with core.store.read() as session:
        app = session.query(App).filter_by(uuid=app_id).one()
        environment = core.store.vault.open_map(app.environment)
        deployment = session.query(Deployment).filter_by(app_id=app.id).one()
        match field:
            case "github_url/repo":
                return app.repository.rsplit("/", 1)[1]
            case "github_url/owner":
                return app.repository.split("/")[3]
            case "environment/name":
                return next(iter(environment))
            case "environment/value":
                return environment["KEY"]
            case "ref":
                return str(deployment.ref)
            case "github_url":
                return app.repository
    return str(getattr(app, field))


FIELDS = [
    "name",
    "deployment_type",
    "framework",
    "github_url",
    "github_url/repo",
    "github_url/owner",
    "branch",
    "ref",
    "start_command",
    "health_path",
    "environment/name",
    "environment/value",
    "resources",
    "resources/cores",
    "port",
    "replicas",
    "environment",
    "an unknown field",
]
# Fields whose text is free and which therefore keep some payloads.
FREE = {"start_command", "environment/value"}


@pytest.fixture(autouse=True)
def _nothing_happened() -> Iterator[None]:
    yield
    assert not Path("/", "tmp", MARK).exists()


def assert_refused(answer: Any, place: str) -> None:
    assert 400 <= answer.status_code < 500, f"{place}: {answer.status_code} {answer.text[:200]}"
    assert answer.json["success"] is False, place
    assert_clean(answer, place)


def assert_clean(answer: Any, place: str) -> None:
    """Nothing of a payload came out as a header or as a control character of the body."""
    assert "X-Injected" not in answer.headers, place
    assert "a=b" not in answer.headers.get("Set-Cookie", ""), place
    assert answer.mimetype == "application/json", place
    assert not [c for c in answer.text.rstrip("\n") if ord(c) < 32 or ord(c) > 126], place


def test_the_corpus_is_large_enough() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 60


@pytest.mark.parametrize("field", FIELDS)
def test_bodies(client: FlaskClient, core: Platform, field: str) -> None:
    taken = 0
    for payload in PAYLOADS:
        place = f"{field}: {payload[:60]!r}"
        answer = client.post("/api/deploy", json=in_body(field, payload))
        if answer.status_code == 200:
            taken += 1
            app_id = answer.json["deployment"]["id"]
            assert kept(core, field, app_id) == payload, place
            assert_clean(client.get(f"/api/deployments/{app_id}"), place)
        else:
            assert_refused(answer, place)
    assert taken < len(PAYLOADS)
    if field in FREE:
        assert taken > 20


@pytest.mark.parametrize("part", ["ref"])
def test_redeploys(client: FlaskClient, deployed: dict[str, Any], part: str) -> None:
    for payload in PAYLOADS:
        path = f"/api/deployments/{deployed['id']}/redeploy"
        answer = client.post(path, json={part: payload})
        if answer.status_code != 200:
            assert_refused(answer, payload)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/deployments/{}/drift", "answer"),
        ("/api/guests/100777/adopt", "endpoint"),
        ("/api/guests/100777/remove", "endpoint"),
    ],
)
def test_answers_and_endpoints(
    client: FlaskClient, deployed: dict[str, Any], path: str, field: str
) -> None:
    for payload in PAYLOADS:
        answer = client.post(path.format(deployed["id"]), json={field: payload})
        assert_refused(answer, payload)


@pytest.mark.parametrize("parameter", ["limit", "since", "search", "follow"])
def test_the_output_of_an_app(
    client: FlaskClient, deployed: dict[str, Any], target: NoGuests, parameter: str
) -> None:
    target.wrote = [replace(wrote(n), text=payload) for n, payload in enumerate(PAYLOADS)]
    for payload in PAYLOADS:
        text = quote(payload.encode("utf-8", "surrogatepass"), safe="")
        answer = client.get(f"/api/deployments/{deployed['id']}/runtime-logs?{parameter}={text}")
        if answer.status_code == 200:
            assert parameter == "search", payload
            # The text itself is found, whatever it would mean to another program.
            found = [line["text"] for line in answer.json["logs"]]
            # Half a character is no text in a URL.
            heard = payload.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
            assert found == [one for one in PAYLOADS if heard in one], payload
            assert_clean(answer, payload)
        else:
            assert_refused(answer, payload)


@pytest.mark.parametrize("parameter", ["limit", "cursor", "status", "search", "other"])
def test_queries(client: FlaskClient, deployed: dict[str, Any], parameter: str) -> None:
    for payload in PAYLOADS:
        text = quote(payload.encode("utf-8", "surrogatepass"), safe="")
        answer = client.get(f"/api/deployments?{parameter}={text}")
        if answer.status_code == 200:
            assert parameter == "search", payload
            found = [one["name"] for one in answer.json["deployments"]]
            assert found == ([deployed["name"]] if payload in deployed["name"] else []), payload
        else:
            assert_refused(answer, payload)


PATHS = [
    "/api/deployments/{}",
    "/api/deployments/{}/logs",
    "/api/deployments/{}/events",
    "/api/deployments/{}/terraform",
    "/api/deployments/{}/runtime-logs",
    "/api/deployments/{}/drift",
    "/api/{}",
    f"/api/deployments/{UUID_OF_NOBODY}/{{}}",
]


@pytest.mark.parametrize("path", PATHS)
def test_paths(client: FlaskClient, path: str) -> None:
    for payload in PAYLOADS:
        text = quote(payload.encode("utf-8", "surrogatepass"), safe="")
        if payload in (".", "..", "/"):
            continue
        assert_refused(client.get(path.format(text)), f"{path} {payload!r}")


@pytest.mark.parametrize("verb", ["adopt", "remove"])
def test_numbers_of_guests(client: FlaskClient, verb: str) -> None:
    for payload in PAYLOADS:
        text = quote(payload.encode("utf-8", "surrogatepass"), safe="")
        assert_refused(client.post(f"/api/guests/{text}/{verb}"), payload)


@pytest.mark.parametrize("header", ["Idempotency-Key", "Prefer", "Content-Type", "Authorization"])
def test_headers(client: FlaskClient, header: str) -> None:
    for payload in PAYLOADS:
        # A server gives headers as Latin-1 and refuses newlines and NUL in them itself.
        text = payload.encode("utf-8", "surrogatepass").decode("latin-1")
        name = "CONTENT_TYPE" if header == "Content-Type" else f"HTTP_{header.upper()}"
        overrides = {name.replace("-", "_"): text}
        answer = client.post("/api/deploy", json=body(), environ_overrides=overrides)
        if answer.status_code == 200:
            assert_clean(answer, payload)
        else:
            assert_refused(answer, f"{header}: {payload!r}")


@pytest.mark.parametrize("header", ["Host", "Origin", "Last-Event-ID"])
def test_headers_that_decide(client: FlaskClient, deployed: dict[str, Any], header: str) -> None:
    for payload in PAYLOADS:
        text = payload.encode("utf-8", "surrogatepass").decode("latin-1")
        overrides = {f"HTTP_{header.upper().replace('-', '_')}": text}
        path = f"/api/deployments/{deployed['id']}"
        if header == "Last-Event-ID":
            answer = client.get(f"{path}/runtime-logs", environ_overrides=overrides)
            assert_refused(answer, f"{header}: {payload!r}")
            answer = client.get(f"{path}/events", environ_overrides=overrides)
        else:
            answer = client.post(f"{path}/stop", environ_overrides=overrides)
        assert_refused(answer, f"{header}: {payload!r}")
