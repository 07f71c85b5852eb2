"""Who may see the pages, and what a browser may do with them."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from paas.engine.platform import Platform
from paas.web.sign_in import safe_path
from tests.api.support import TOKEN
from tests.web.support import add_app, form, read, send

PAGES = ["/", "/live", "/sign-in", "/apps/{}", "/apps/{}/output", "/apps/{}/destroy", "/nothing"]


@pytest.mark.parametrize("path", PAGES)
def test_pages_allow_no_inline_code_and_load_nothing_from_elsewhere(
    client: FlaskClient, core: Platform, path: str
) -> None:
    answer = client.get(path.format(add_app(core, name="shop", slug="shop")))
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    for tag, attrs in read(answer.text).tags:
        assert "style" not in attrs
        assert not [name for name in attrs if name.startswith("on")]
        if tag in ("script", "link", "img"):
            source = attrs.get("src") or attrs.get("href")
            assert source is None or source.startswith("/assets/")
        if tag == "script" and "src" not in attrs:
            assert attrs["type"] == "application/json"


@pytest.mark.parametrize("path", PAGES)
def test_every_form_that_changes_something_carries_a_token(
    client: FlaskClient, core: Platform, path: str
) -> None:
    page = client.get(path.format(add_app(core, name="shop", slug="shop"))).text
    for found in read(page).forms:
        assert found.method == "get" or found.fields["csrf_token"]


@pytest.mark.parametrize("change", [{}, {"csrf_token": "forged"}])
def test_a_form_without_its_token_does_nothing(
    client: FlaskClient, core: Platform, change: dict[str, str]
) -> None:
    app_id = add_app(core, name="shop", slug="shop")
    for path in ("/", f"/apps/{app_id}/destroy", f"/apps/{app_id}/stop", "/sign-in"):
        answer = client.post(path, data=change)
        assert answer.status_code == 400
        assert "Load its page again" in answer.text


def test_assets_are_kept_by_their_version_only(client: FlaskClient) -> None:
    page = client.get("/").text
    style = next(a["href"] for tag, a in read(page).tags if a.get("rel") == "stylesheet")
    assert "immutable" in client.get(style).headers["Cache-Control"]
    assert "immutable" not in client.get("/assets/app.css").headers.get("Cache-Control", "")
    assert client.get("/assets/../errors.py").status_code == 404


def test_from_elsewhere_the_token_opens_the_pages(remote: FlaskClient) -> None:
    closed = remote.get("/?search=shop")
    assert closed.status_code == 303
    assert closed.location == "/sign-in?next=/?search%3Dshop"
    page = remote.get(closed.location)
    assert page.status_code == 200
    assert "Deployments</a>" not in page.text
    found = form(page.text, "")
    data = {**found.fields, "token": f" {TOKEN} "}
    opened = remote.post(closed.location, data=data)
    assert opened.location == "/?search=shop"
    inside = remote.get("/")
    assert inside.status_code == 200
    assert send(remote, "/", "/sign-out").location == "/sign-in"
    assert remote.get("/").status_code == 303


def test_a_wrong_token_opens_nothing(remote: FlaskClient) -> None:
    answer = send(remote, "/sign-in", "", token="wrong")
    assert answer.status_code == 401
    assert "This is not the platform's token." in answer.text
    assert remote.get("/").status_code == 303


@pytest.mark.parametrize("path", ["/apps/x", "/live", "/rq/", "/apps/x/log.txt"])
def test_nothing_is_shown_to_strangers(remote: FlaskClient, path: str) -> None:
    answer = remote.get(path)
    assert answer.status_code == 303
    assert answer.location.startswith("/sign-in?next=")


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/apps/1?x=y", "/apps/1?x=y"),
        ("", "/"),
        ("//example.org", "/"),
        ("/\\example.org", "/"),
        ("/\t/example.org", "/"),
        ("https://example.org", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_a_sign_in_leads_nowhere_else(app: Flask, wanted: str, path: str) -> None:
    with app.test_request_context():
        assert safe_path(wanted) == path
