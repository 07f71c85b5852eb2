"""Applications of document 000.

GET    /api/paas/apps        200 {"apps": [{id, name, slug, status, ...}]}
POST   /api/paas/apps        201 {"app": {id, name, slug, status, subdomain, created_at}}
GET    /api/paas/apps/{id}   200 {"app": {in full}}
PATCH  /api/paas/apps/{id}   200 {"app": {in full}}
DELETE /api/paas/apps/{id}   200 {"message": "Application deleted successfully"}
errors                       {"error": "..."}
"""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.paas.support import DETAIL_KEYS, NEW_KEYS, ROW_KEYS, TIME, app_body
from tests.api.support import UUID_OF_NOBODY, InstantWorker

PATH = "/api/paas/apps"
MISSING = {"error": "Application not found"}


def test_a_new_app(client: FlaskClient) -> None:
    body = app_body(slug="my-app")
    answer = client.post(PATH, json=body)
    assert answer.status_code == 201
    assert list(answer.json) == ["app"]
    app = answer.json["app"]
    assert list(app) == NEW_KEYS
    assert (app["name"], app["slug"], app["status"]) == ("My App", "my-app", "inactive")
    assert re.fullmatch(r"my-app-[0-9a-f]{8}", app["subdomain"])
    assert re.fullmatch(TIME, app["created_at"])
    assert answer.headers["Location"] == f"{PATH}/{app['id']}"


def test_an_app_in_full(client: FlaskClient, made: dict[str, Any]) -> None:
    answer = client.get(f"{PATH}/{made['id']}")
    assert answer.status_code == 200
    app = answer.json["app"]
    assert list(app) == DETAIL_KEYS
    assert (app["git_url"], app["git_branch"]) == ("https://github.com/user/repo", "main")
    assert (app["buildpack"], app["replicas"], app["status"]) == ("heroku/python", 1, "inactive")
    assert re.fullmatch(TIME, app["created_at"])
    assert re.fullmatch(TIME, app["updated_at"])


def test_the_list_is_newest_first_and_goes_on_by_its_link(client: FlaskClient) -> None:
    assert client.get(PATH).json == {"apps": []}
    slugs = [client.post(PATH, json=app_body()).json["app"]["slug"] for _ in range(5)]
    answer = client.get(f"{PATH}?limit=2")
    assert [list(app) for app in answer.json["apps"]] == [ROW_KEYS] * 2
    seen = [app["slug"] for app in answer.json["apps"]]
    while "Link" in answer.headers:
        (path,) = re.findall(r'^<(/[^>]+)>; rel="next"$', answer.headers["Link"])
        answer = client.get(path)
        seen += [app["slug"] for app in answer.json["apps"]]
    assert seen == slugs[::-1]
    assert [app["slug"] for app in client.get(f"{PATH}?search={slugs[1]}").json["apps"]] == [
        slugs[1]
    ]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("My App", "my-app"),
        ("  x".strip(), "x"),
        ("Ünïcode & Co. 2", "unicode-co-2"),
        ("-- A --", "a"),
        ("A" * 64, "a" * 50),
    ],
)
def test_a_slug_is_made_of_the_name(client: FlaskClient, name: str, slug: str) -> None:
    answer = client.post(PATH, json=app_body(name=name, slug=None))
    assert (answer.status_code, answer.json["app"]["slug"]) == (201, slug)


NAME = "Invalid name. Must be 1-64 printable characters, neither beginning nor ending with a blank"
SLUG = (
    "Invalid slug. Must be 1-50 lower case letters, digits and dashes, beginning and ending with "
    "a letter or digit"
)
URL = "Invalid git_url. Must be a repository such as https://github.com/user/repo"
BRANCH = "Invalid git_branch. Must be the name of a git branch, at most 200 characters"
PACK = "Invalid buildpack. Must be a name such as heroku/python"
PLAN = "Invalid plan_id. Must be the id of a plan"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *(("name", given, NAME) for given in ("", " ", " a", "a ", "x" * 65, "a\nb", 7, None, [])),
        *(
            ("slug", given, SLUG)
            for given in ("", "A", "-a", "a-", "a_b", "a" * 51, "a\n", 7, None, "ü")
        ),
        *(
            ("git_url", given, URL)
            for given in (
                *("", "x", 7, None, "http://github.com/user/repo", "git@github.com:user/repo"),
                *("https://github.com/user", "https://example.com/user/repo", "file:///etc"),
                "https://github.com/user/repo --upload-pack=x",
            )
        ),
        *(("git_branch", given, BRANCH) for given in ("", "-x", "a..b", "a b", 7, None)),
        *(("buildpack", given, PACK) for given in ("", "a b", "../x", "a/b/c", 7, None, "$(x)")),
        *(("plan_id", given, PLAN) for given in ("", "x", "7", 7, None, "../" + UUID_OF_NOBODY)),
    ],
)
def test_a_rule_that_is_broken(
    client: FlaskClient, field: str, value: object, sentence: str
) -> None:
    answer = client.post(PATH, json={**app_body(), field: value})
    assert (answer.status_code, answer.json) == (400, {"error": sentence})
    assert client.get(PATH).json == {"apps": []}


def test_every_broken_rule_is_named(client: FlaskClient) -> None:
    answer = client.post(PATH, json={"slug": "A", "colour": "red"})
    assert answer.status_code == 400
    assert answer.json == {"error": f"{NAME}; {SLUG}; {URL}; Unknown field 'colour'"}


def test_what_only_the_platform_can_know(client: FlaskClient, made: dict[str, Any]) -> None:
    answer = client.post(PATH, json=app_body(slug=made["slug"]))
    assert answer.status_code == 400
    assert made["slug"] in answer.json["error"]
    answer = client.post(PATH, json=app_body(buildpack="heroku/cobol"))
    assert answer.status_code == 400
    assert "heroku/python" in answer.json["error"]
    answer = client.post(PATH, json=app_body(plan_id=UUID_OF_NOBODY))
    assert answer.status_code == 400
    assert answer.json["error"].startswith("Invalid plan_id.")


def test_a_name_without_letters_needs_a_slug(client: FlaskClient) -> None:
    answer = client.post(PATH, json=app_body(name="***", slug=None))
    assert answer.status_code == 400
    assert answer.json["error"].startswith("Invalid slug. One is needed")


def test_a_change(client: FlaskClient, made: dict[str, Any]) -> None:
    change = {
        "name": "Updated App Name",
        "git_branch": "develop",
        "buildpack": "heroku/python",
        "auto_deploy": True,
    }
    answer = client.patch(f"{PATH}/{made['id']}", json=change)
    assert answer.status_code == 200
    app = answer.json["app"]
    assert list(app) == DETAIL_KEYS
    assert (app["name"], app["git_branch"]) == ("Updated App Name", "develop")
    assert (app["slug"], app["subdomain"]) == (made["slug"], made["subdomain"])
    assert client.get(f"{PATH}/{made['id']}").json == answer.json
    assert client.patch(f"{PATH}/{made['id']}", json={}).json["app"]["name"] == "Updated App Name"


@pytest.mark.parametrize(
    "change",
    [
        *({"name": given} for given in ("", None, 7)),
        *({"git_branch": given} for given in ("", None, "-x")),
        *({"buildpack": given} for given in ("", None, "heroku/cobol")),
        *({"plan_id": given} for given in ("", None, UUID_OF_NOBODY)),
        *({"auto_deploy": given} for given in ("yes", 1, None, "true")),
        *({field: "x"} for field in ("slug", "git_url", "replicas", "status", "id")),
    ],
)
def test_a_change_that_breaks_a_rule(
    client: FlaskClient, made: dict[str, Any], change: dict[str, object]
) -> None:
    before = client.get(f"{PATH}/{made['id']}").json
    answer = client.patch(f"{PATH}/{made['id']}", json=change)
    assert (answer.status_code, list(answer.json)) == (400, ["error"])
    assert client.get(f"{PATH}/{made['id']}").json == before


def test_deleting(client: FlaskClient, running: dict[str, Any]) -> None:
    path = f"{PATH}/{running['id']}"
    answer = client.delete(path)
    assert (answer.status_code, answer.json) == (
        200,
        {"message": "Application deleted successfully"},
    )
    for method, below in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/deploy"),
        ("GET", "/deployments"),
        ("GET", "/logs"),
        ("GET", "/logs/stream"),
        ("POST", "/logs/ticket"),
        ("GET", "/env"),
        ("POST", "/stop"),
        ("POST", "/start"),
        ("POST", "/restart"),
    ):
        body = {"json": {}} if method == "PATCH" else {}
        answer = client.open(path + below, method=method, **body)
        assert (answer.status_code, answer.json) == (404, MISSING), (method, below)
    assert client.get(PATH).json == {"apps": []}
    assert client.post(PATH, json=app_body(slug=running["slug"])).status_code == 201


def test_deleting_one_that_is_being_deleted(
    client: FlaskClient, running: dict[str, Any], worker: InstantWorker
) -> None:
    worker.asleep = True
    for _ in range(2):
        assert client.delete(f"{PATH}/{running['id']}").status_code == 200


@pytest.mark.parametrize("given", [UUID_OF_NOBODY, "x", "1", "%00", "..%2f..", "a" * 300])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_one_that_is_not_there(client: FlaskClient, method: str, given: str) -> None:
    body = {"json": {}} if method == "PATCH" else {}
    answer = client.open(f"{PATH}/{given}", method=method, **body)
    assert answer.status_code == 404
    assert list(answer.json) == ["error"]


def test_words_of_001_do_not_reach_this_api(client: FlaskClient, running: dict[str, Any]) -> None:
    answer = client.post(f"{PATH}/{running['id']}/start")
    assert answer.status_code == 409
    assert answer.json["error"] == ("Only a stopped application can start; this one is running")
