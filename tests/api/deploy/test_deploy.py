"""POST /api/deploy

200  {"success": true, "message": "Application deployed successfully", "deployment": {...}}
202  {"success": true, "message": "Deployment accepted", "deployment": {...}}  and Location
400  {"success": false, "errors": ["...", ...]}
500  {"success": false, "errors": ["..."], "deployment": {...}}
else {"success": false, "error": "..."}
"""

import json
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient

import paas
from paas.api.context import GATE
from paas.engine.platform import Platform
from paas.store.models import App
from tests.api.support import InstantWorker, body

NAME = (
    "Invalid name. Must be 3-50 letters, digits, dashes and underscores, beginning and ending "
    "with a letter or digit"
)
TYPE = "Invalid deployment_type. Must be 'vm' or 'lxc'"
FRAMEWORK = "Invalid framework. Must be one of: django, flask, laravel, php"
URL = "Invalid GitHub URL"
CORES = "Invalid resources.cores. Must be a whole number, 1-16 for VM, 1-8 for LXC"
MEMORY = (
    "Invalid resources.memory. Must be a whole number, 512-32768 MB for VM, 256-16384 MB for LXC"
)
DISK = "Invalid resources.disk. Must be a whole number, 10-500 GB for VM, 5-200 GB for LXC"
RESOURCES = "Invalid resources. Must be an object with cores, memory and disk"


def post(client: FlaskClient, **changes: object) -> Any:
    return client.post("/api/deploy", json=body(**changes))


def stored(core: Platform) -> int:
    with core.store.read() as session:
        return session.query(App).count()


def test_every_broken_rule_is_told_at_once(client: FlaskClient, core: Platform) -> None:
    answer = client.post(
        "/api/deploy",
        json={
            "name": "-",
            "deployment_type": "docker",
            "framework": "cobol",
            "github_url": "https://example.org/a/b",
            "resources": {"cores": 0, "memory": 1, "disk": 501},
            "colour": "red",
        },
    )
    assert answer.status_code == 400
    assert answer.json == {
        "success": False,
        "errors": [NAME, TYPE, FRAMEWORK, URL, CORES, MEMORY, DISK, "Unknown field 'colour'"],
    }
    assert stored(core) == 0


def test_an_empty_object_breaks_every_required_rule(client: FlaskClient) -> None:
    answer = client.post("/api/deploy", json={})
    assert answer.json["errors"] == [NAME, TYPE, FRAMEWORK, URL]


@pytest.mark.parametrize("name", ["abc", "a" * 50, "A_b-9", "0-0", "mon-application"])
def test_names_that_are_allowed(client: FlaskClient, name: str) -> None:
    assert post(client, name=name).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        *("", "ab", "a" * 51, "-abc", "abc-", "_abc", "abc_", "a b", "a.b", "a/b", "été", "abc\n"),
        *("a\x00b", "\u0430bc", 5, True, [], {}, "a\u202eb"),
    ],
)
def test_names_that_are_not(client: FlaskClient, name: object) -> None:
    answer = post(client, name=name)
    assert (answer.status_code, answer.json["errors"]) == (400, [NAME])


LIMITS = [
    ("vm", "cores", 1, 16, CORES),
    ("vm", "memory", 512, 32768, MEMORY),
    ("vm", "disk", 10, 500, DISK),
    ("lxc", "cores", 1, 8, CORES),
    ("lxc", "memory", 256, 16384, MEMORY),
    ("lxc", "disk", 5, 200, DISK),
]


@pytest.mark.parametrize(("kind", "field", "low", "high", "sentence"), LIMITS)
def test_the_limits_of_each_type(
    client: FlaskClient, kind: str, field: str, low: int, high: int, sentence: str
) -> None:
    whole = {"cores": 1, "memory": 1024, "disk": 10}
    for value in (low, high):
        answer = post(client, deployment_type=kind, resources=whole | {field: value})
        assert answer.status_code == 200, (value, answer.text)
    for value in (low - 1, high + 1):
        answer = post(client, deployment_type=kind, resources=whole | {field: value})
        assert (answer.status_code, answer.json["errors"]) == (400, [sentence]), value


@pytest.mark.parametrize("field", ["cores", "memory", "disk"])
@pytest.mark.parametrize("value", [True, "2", 2.0, 2.5, None, [], {}, -1, 10**400])
def test_a_resource_is_a_whole_number(client: FlaskClient, field: str, value: object) -> None:
    resources = {"cores": 1, "memory": 1024, "disk": 10} | {field: value}
    sentence = {"cores": CORES, "memory": MEMORY, "disk": DISK}[field]
    answer = post(client, resources=resources)
    assert (answer.status_code, answer.json["errors"]) == (400, [sentence])


@pytest.mark.parametrize("value", ["2", 1, True, []])
def test_resources_are_an_object(client: FlaskClient, value: object) -> None:
    answer = post(client, resources=value)
    assert (answer.status_code, answer.json["errors"]) == (400, [RESOURCES])


def test_resources_may_be_left_out_but_not_in_part(client: FlaskClient) -> None:
    assert post(client, resources=None).status_code == 200
    answer = post(client, resources={"cores": 1, "speed": 3})
    assert answer.json["errors"] == [MEMORY, DISK, "Unknown field 'resources.speed'"]


URLS = {
    "https://github.com/owner/repo": "https://github.com/owner/repo",
    "https://github.com/owner/repo.git": "https://github.com/owner/repo",
    "https://github.com/owner/repo/": "https://github.com/owner/repo",
    "https://github.com/a/b.c_d-e": "https://github.com/a/b.c_d-e",
    "https://github.com/owner/.github": "https://github.com/owner/.github",
}


@pytest.mark.parametrize(("url", "kept"), URLS.items())
def test_repositories_that_are_allowed(client: FlaskClient, url: str, kept: str) -> None:
    app_id = post(client, github_url=url).json["deployment"]["id"]
    found = client.get(f"/api/deployments/{app_id}").json["deployment"]["github_url"]
    assert found == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://github.com/owner/repo",
        "git@github.com:owner/repo",
        "ssh://git@github.com/owner/repo",
        "https://github.com/owner",
        "https://github.com/owner/repo/tree/main",
        "https://github.com/owner/repo?x=1",
        "https://github.com/owner/repo#x",
        "https://user:word@github.com/owner/repo",
        "https://github.com@evil.example/owner/repo",
        "https://github.com.evil.example/owner/repo",
        "https://github.com:443/owner/repo",
        "https://GITHUB.com/owner/repo",
        "https://github.com/owner/.",
        "https://github.com/owner/..",
        "https://github.com/../repo",
        "https://github.com/-owner/repo",
        "https://github.com/owner/-repo",
        "https://github.com/owner/.git",
        "https://github.com/owner/..git",
        "https://github.com/owner/repo\n",
        " https://github.com/owner/repo",
        "https://github.com/owner//repo",
        "https://gitlab.com/owner/repo",
        "file:///etc",
        "ext::sh -c id",
        5,
        True,
        [],
    ],
)
def test_repositories_that_are_not(client: FlaskClient, url: object) -> None:
    answer = post(client, github_url=url)
    assert (answer.status_code, answer.json["errors"]) == (400, [URL])


OPTIONAL: list[tuple[str, list[object], list[object]]] = [
    ("branch", ["main", "feature/x-1", "v1.2", "deps@2"], ["", "-x", "a..b", "a//b", "/a", "a/"]),
    ("branch", [], ["a.lock", "a b", "a~1", "a^", "a:b", "@{1}", ".a", "a/.b", "a" * 201, 1, None]),
    ("ref", ["v1.2.0", "8f14e45f"], ["--upload-pack=x", "HEAD\n", "a*", "a\\b", [], {}]),
    ("start_command", ["gunicorn app:app"], ["", " ", "a\nb", "a\x00b", "\x1b[0m", "x" * 1001, 1]),
    ("health_path", ["/", "/up?x=1"], ["", "up", "/a b", "/a\r\nX: y", "/é", "/" + "a" * 200, 1]),
    ("port", [1024, 65535], [80, 65536, "8000", 8000.0, True]),
    ("replicas", [1], [0, 2, "1", True]),
    (
        "environment",
        [{}, {"KEY": "value"}, {"_a1": "two\nlines"}, {"K": ""}],
        [[], "A=b", {"1A": "x"}, {"A-B": "x"}, {"PAAS_X": "x"}, {"paas_x": "x"}, {"PORT": "1"}],
    ),
    (
        "environment",
        [],
        [
            *({"HOST": "x"}, {"A": 1}, {"A": None}, {"A": "\x00"}, {"A": "\x1b"}, {"": "x"}),
            *({"A": "x" * 16_385}, {f"A{n}": "" for n in range(101)}, {"A\n": "x"}),
        ],
    ),
]


@pytest.mark.parametrize(("field", "good", "bad"), OPTIONAL)
def test_the_fields_beyond_the_document(
    client: FlaskClient, field: str, good: list[object], bad: list[object]
) -> None:
    for value in good:
        assert client.post("/api/deploy", json={**body(), field: value}).status_code == 200, value
    for value in bad:
        answer = client.post("/api/deploy", json={**body(), field: value})
        assert answer.status_code == 400, value
        assert len(answer.json["errors"]) == 1, value
        assert answer.json["errors"][0].startswith(f"Invalid {field}. "), value


def test_every_broken_variable_is_named(client: FlaskClient) -> None:
    answer = post(client, environment={"1A": "x", "PORT": "1", "B": 3})
    assert [sentence.split(". ", 1)[1][:20] for sentence in answer.json["errors"]] == [
        "'1A' must be letters",
        "PORT is set by the p",
        "The value of 'B' mus",
    ]


BODIES = [
    (b"", "The body is not JSON"),
    (b"{", "The body is not JSON"),
    (b'{"name": NaN}', "NaN is no JSON number"),
    (b'{"name": Infinity}', "Infinity is no JSON number"),
    (b'{"name": "a", "name": "b"}', "has the key 'name' twice"),
    (b'{"resources": {"cores": 1, "cores": 2}}', "has the key 'cores' twice"),
    (b"[]", "must be a JSON object"),
    (b'"text"', "must be a JSON object"),
    (b"null", "must be a JSON object"),
    (b"[" * 20_000, "nested too deeply"),
    (b'{"a":' * 9_000, "nested too deeply"),
    (b'{"name": "\xff"}', "not text in UTF-8"),
    ('{"name": "a"}'.encode("utf-16"), "not text in UTF-8"),
    (b'{"name": "\\ud800"}', "surrogate"),
    (b'{"port": ' + b"1" * 5_000 + b"}", "too many digits"),
]


@pytest.mark.parametrize(("data", "part"), BODIES)
def test_bodies_that_cannot_be_read(client: FlaskClient, data: bytes, part: str) -> None:
    answer = client.post("/api/deploy", data=data, content_type="application/json")
    assert answer.status_code == 400
    assert set(answer.json) == {"success", "errors"}
    assert part in answer.json["errors"][0]


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "", "x"])
def test_another_content_type(client: FlaskClient, media: str) -> None:
    answer = client.post("/api/deploy", data=json.dumps(body()), content_type=media)
    assert answer.status_code == 415
    assert answer.json["success"] is False
    assert "application/json" in answer.json["error"]


def test_a_content_type_may_name_its_charset(client: FlaskClient) -> None:
    media = "application/json; charset=utf-8"
    answer = client.post("/api/deploy", data=json.dumps(body()), content_type=media)
    assert answer.status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit(client: FlaskClient, core: Platform, chunked: bool) -> None:
    data = b" " * (core.settings.body_limit_kb * 1024 + 1)
    environ: dict[str, Any] = {"wsgi.input_terminated": True} if chunked else {}
    builder_headers = {"Transfer-Encoding": "chunked"} if chunked else {}
    answer = client.post(
        "/api/deploy",
        input_stream=BytesIO(data),
        content_type="application/json",
        content_length=None if chunked else len(data),
        headers=builder_headers,
        environ_overrides=environ,
    )
    assert answer.status_code == 413, answer.text
    assert "larger" in answer.json["error"]
    assert stored(core) == 0


def test_a_taken_name_names_its_holder(client: FlaskClient, deployed: dict[str, Any]) -> None:
    answer = post(client, name=deployed["name"].upper())
    assert answer.status_code == 400
    (sentence,) = answer.json["errors"]
    assert deployed["id"] in sentence
    assert "running" in sentence


def test_a_framework_whose_runtime_is_missing(client: FlaskClient) -> None:
    answer = post(client, framework="php")
    assert answer.status_code == 400
    assert answer.json["errors"] == ["PHP is not installed on this machine"]


def test_a_deployment_that_fails(client: FlaskClient, worker: InstantWorker) -> None:
    worker.error = "The repository does not exist"
    answer = post(client)
    assert answer.status_code == 500
    assert answer.json["success"] is False
    assert answer.json["errors"] == ["The repository does not exist"]
    assert answer.json["deployment"]["status"] == "failed"


def test_respond_async(client: FlaskClient, worker: InstantWorker) -> None:
    worker.asleep = True
    answer = client.post("/api/deploy", json=body(), headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    deployment = answer.json["deployment"]
    assert answer.json["message"] == "Deployment accepted"
    assert deployment["status"] == "pending"
    assert deployment["ip_address"] is None
    assert answer.headers["Location"] == f"/api/deployments/{deployment['id']}"
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert client.get(answer.headers["Location"]).status_code == 200


@pytest.mark.parametrize("prefer", ["", "wait=0", "wait=1", "respond-async, wait=1", "wait=9999"])
def test_a_wait_that_is_over(client: FlaskClient, worker: InstantWorker, prefer: str) -> None:
    worker.asleep = True
    answer = client.post("/api/deploy", json=body(), headers={"Prefer": prefer})
    assert answer.status_code == 202
    assert answer.headers.get("Preference-Applied", "") == prefer


def test_what_a_preference_does_not_say_is_ignored(client: FlaskClient) -> None:
    headers = {"Prefer": 'handling=lenient; wait=x, "'}
    assert client.post("/api/deploy", json=body(), headers=headers).status_code == 200


def test_too_many_waits_answer_at_once(client: FlaskClient, worker: InstantWorker) -> None:
    worker.asleep = True
    gate = client.application.extensions[GATE]
    for _ in range(gate.places):
        assert gate.enter()
    assert post(client).status_code == 202
    assert gate.inside == gate.places


def test_a_wait_gives_its_place_back(client: FlaskClient) -> None:
    post(client)
    assert client.application.extensions[GATE].inside == 0


def test_the_same_key_is_the_same_deployment(client: FlaskClient, core: Platform) -> None:
    given, headers = body(), {"Idempotency-Key": "one"}
    first = client.post("/api/deploy", json=given, headers=headers)
    again = client.post("/api/deploy", json=given, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json == again.json
    assert stored(core) == 1
    other = client.post("/api/deploy", json=body(), headers=headers)
    assert other.status_code == 422
    assert set(other.json) == {"success", "error"}


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
def test_a_key_is_short_and_visible(client: FlaskClient, key: str) -> None:
    headers = {"Idempotency-Key": key}
    answer = client.post("/api/deploy", json=body(), headers=headers)
    assert answer.status_code == 400
    assert answer.json["errors"][0].startswith("Invalid Idempotency-Key.")


def test_other_hosts_by_setting(core: Platform) -> None:
    settings = replace(core.settings, git_hosts=("git.example.org",))
    client = paas.create_app(platform=replace(core, settings=settings)).test_client()
    assert post(client, github_url="https://git.example.org/some.team/repo").status_code == 200
    assert post(client, github_url="https://other.example.org/a/b").status_code == 400
