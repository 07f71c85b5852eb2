"""The injection corpus in every field of every form: refused in words, or kept and shown as text.

Which forms and fields there are is read from the pages, so that a new one is met too.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from paas.domain.permissions import Role, Standing
from paas.engine.platform import Platform
from paas.services import plans
from tests.api.support import body
from tests.api.test_injection import MARK, PAYLOADS
from tests.services import people
from tests.web.support import Form, form, read, send, sign_in

# A form cannot hold half a character. Of each kind there are a few; of markup there is all.
SENT = [
    payload
    for number, payload in enumerate(PAYLOADS)
    if payload != "\ud800" and (number % 8 == 0 or "<" in payload or "\n" in payload)
]
PAGES = [
    *("/", "/apps", "/apps/new", "/account", "/team", "/team/audit", "/usage"),
    *(
        f"/apps/{{app}}/{page}"
        for page in ("settings", "environment", "versions", "guest", "destroy")
    ),
    *("/admin", "/admin/apps", "/admin/tenants", "/admin/users", "/admin/settings"),
    *("/admin/plans", "/admin/plans/new", "/admin/plans/{plan}", "/admin/audit", "/admin/usage"),
]
OPEN_PAGES = ["/sign-in", "/forgotten", "/reset/of-no-letter", "/invitation/of-no-letter"]
# What ends the sign-in or takes away what the page is about is sent as it is by other tests.
ENDING = ("/sign-out", "/leave")
_numbers = count(1)


@pytest.fixture(autouse=True)
def _nothing_happened() -> Iterator[None]:
    yield
    assert not Path("/", "tmp", MARK).exists()


@pytest.fixture
def known(client: FlaskClient, core: Platform) -> dict[str, str]:
    """Somebody who may do everything has signed in; what stands in the paths."""
    email = people.add_user(core, role=Role.ADMIN, standing=Standing.OWNER)
    assert sign_in(client, email).status_code == 303
    plan = plans.active(core, people.admin(core))[0].id
    made: Any = client.post("/api/deploy", json=body()).json
    return {"app": made["deployment"]["id"], "plan": plan}


def assert_text(answer: TestResponse, place: str) -> None:
    """Nothing of a payload became markup or a header."""
    assert answer.status_code < 500, f"{place}: {answer.status_code}"
    assert answer.status_code != 429, place
    assert "X-Injected" not in answer.headers, place
    assert not any(c.startswith("a=b") for c in answer.headers.getlist("Set-Cookie")), place
    if answer.mimetype == "text/html":
        assert "<script>alert" not in answer.text, place
        assert not [a for tag, a in read(answer.text).tags if "onerror" in a], place


def forms(page: TestResponse) -> list[Form]:
    assert page.status_code == 200
    found = [one for one in read(page.text).forms if one.method == "post"]
    return [one for one in found if not one.action.endswith(ENDING)]


def try_every_field(client: FlaskClient, path: str) -> None:
    """Send each payload in each field of the page's forms, and look at the page again."""
    for one in forms(client.get(path)):
        for name in one.fields.keys() - {"csrf_token"}:
            for payload in SENT:
                place = f"{one.action or path} {name}: {payload[:60]!r}"
                data = {**one.fields, name: payload}
                assert_text(client.post(one.action or path, data=data, **somewhere()), place)
            assert_text(client.get(path, **somewhere()), f"{path} after {one.action} {name}")


def somewhere() -> dict[str, Any]:
    """An address of its own: who asks often from one is soon asked to wait."""
    number = next(_numbers)
    return {"environ_base": {"REMOTE_ADDR": f"127.0.{number // 250 % 250}.{number % 250 + 1}"}}


@pytest.mark.parametrize("path", PAGES)
def test_every_field_of_a_page(client: FlaskClient, known: dict[str, str], path: str) -> None:
    try_every_field(client, path.format(**known))


def test_what_is_kept_comes_back_in_its_field(client: FlaskClient, known: dict[str, str]) -> None:
    kept = 0
    for payload in SENT:
        send(client, "/account", "/account/profile", first_name=payload)
        field = form(client.get("/account").text, "/account/profile").fields["first_name"]
        kept += field == payload
    assert kept > 5


@pytest.mark.parametrize("path", OPEN_PAGES)
def test_every_field_of_a_page_for_everybody(remote: FlaskClient, path: str) -> None:
    answer = remote.get(path)
    for one in forms(answer) if answer.status_code == 200 else ():
        for name in one.fields.keys() - {"csrf_token"}:
            for number, payload in enumerate(SENT):
                typed = {"email": f"nobody-{number}@example.com", name: payload}
                place = f"{path} {name}: {payload[:60]!r}"
                address = {"REMOTE_ADDR": f"192.0.2.{number + 1}"}
                sent = {**one.fields, **typed}
                assert_text(remote.post(path, data=sent, environ_base=address), place)


@pytest.mark.parametrize(
    "query", ["/?search={}", "/apps?search={}", "/admin/apps?search={}", "/admin/audit?actor={}"]
)
def test_what_is_looked_for(client: FlaskClient, known: dict[str, str], query: str) -> None:
    for payload in SENT:
        path, _, name = query.removesuffix("={}").partition("?")
        answer = client.get(path, query_string={name: payload}, **somewhere())
        assert_text(answer, f"{query}: {payload[:60]!r}")
