"""Who a request is: what it shows, and the open door of this very machine."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from paas import doors
from paas.api import identity
from paas.domain.permissions import ALL, Role
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services import accounts, tenants
from paas.store.base import utcnow
from paas.store.models import Tenant
from paas.store.people import SignIn
from tests.api.support import TOKEN
from tests.services import people

LOCAL: dict[str, Any] = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost"}
SHUT = ["/api/paas/apps", "/api/admin/paas/apps", "/api/users/me"]
OPEN = ["/api/stats", "/api/reconcile", "/metrics", "/docs", "/"]


def is_in(client: FlaskClient, path: str, **headers: str) -> bool:
    return client.get(path, headers=headers).status_code == 200


@pytest.mark.parametrize("path", OPEN)
def test_this_machine_may_come_in_while_there_is_one_tenant(
    client: FlaskClient, core: Platform, path: str
) -> None:
    assert is_in(client, path)
    people.add_tenant(core, "other")
    assert not is_in(client, path)
    assert is_in(client, path, Authorization=f"Bearer {TOKEN}")


def test_the_door_opens_again_when_the_second_tenant_is_closed(
    client: FlaskClient, core: Platform
) -> None:
    chief = people.admin(core)
    other = people.add_tenant(core, "other")
    with core.store.read() as session:
        uuid = session.get_one(Tenant, other).uuid
    tenants.close(core, chief, uuid)
    assert is_in(client, "/api/stats")


@pytest.mark.parametrize("path", SHUT)
def test_some_apis_always_need_a_token(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 401


def test_the_open_door_says_why_it_is_shut(client: FlaskClient, core: Platform) -> None:
    people.add_tenant(core, "other")
    assert "several tenants" in client.get("/api/stats").json["error"]


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize("header", ["", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN])
def test_what_is_shown_decides_even_on_this_machine(
    client: FlaskClient, path: str, header: str
) -> None:
    assert not is_in(client, path, Authorization=header)


def whom(app: Flask, core: Platform, header: str = "", path: str = "/api/stats") -> Actor | None:
    headers = {"Authorization": header} if header else {}
    with app.test_request_context(path, headers=headers, environ_overrides=LOCAL):
        found = identity.visitor()
        assert found is None or found == identity.actor()
        return found


def test_who_comes_with_what(app: Flask, core: Platform) -> None:
    everything = Actor(1, permissions=ALL, role=Role.ADMIN, source="127.0.0.1")
    assert whom(app, core) == replace(everything, name="local")
    assert whom(app, core, path="/api/paas/apps") is None
    assert whom(app, core, f"Bearer {TOKEN}") == replace(everything, name="platform")
    assert whom(app, core, "Bearer nothing") is None


def test_a_user_is_known_by_name_and_address(app: Flask, core: Platform) -> None:
    signed_in = people.signed_in(core, people.add_user(core, "user@example.com"))
    with app.app_context():
        token = identity.access_token(signed_in)
    found = whom(app, core, f"Bearer {token}")
    assert found is not None
    assert (found.name, found.source) == ("user@example.com", "127.0.0.1")
    assert (found.user_id, found.sign_in) == (signed_in.user.number, signed_in.sign_in)


# The cookie of the pages


def come_in(client: FlaskClient, core: Platform, **about: Any) -> str:
    """Sign a browser in as a new user; the id of the sign-in."""
    signed_in = people.signed_in(core, people.add_user(core, **about))
    with client.session_transaction() as cookie:
        cookie["sign_in"] = signed_in.sign_in
    return signed_in.sign_in


def test_a_sign_in_on_the_pages_is_its_user_everywhere(remote: FlaskClient, core: Platform) -> None:
    assert not is_in(remote, "/")
    come_in(remote, core)
    assert is_in(remote, "/")
    assert is_in(remote, "/api/users/me")
    assert remote.get("/metrics").status_code == 403


def test_the_cookie_counts_no_longer_than_its_sign_in(remote: FlaskClient, core: Platform) -> None:
    come_in(remote, core)
    with core.store.write() as session:
        session.query(SignIn).update({SignIn.expires_at: utcnow() - timedelta(seconds=1)})
    assert not is_in(remote, "/")


def test_whoever_signed_in_is_that_user_at_the_open_door_too(
    client: FlaskClient, core: Platform
) -> None:
    sign_in = come_in(client, core)
    assert client.get("/api/reconcile").status_code == 403
    accounts.sign_out(core, accounts.identify(core, sign_in))
    assert is_in(client, "/api/reconcile")


def test_a_header_goes_before_the_cookie(client: FlaskClient, core: Platform) -> None:
    come_in(client, core)
    assert is_in(client, "/api/reconcile", Authorization=f"Bearer {TOKEN}")
    assert not is_in(client, "/api/stats", Authorization="Bearer nothing")


def test_signing_a_browser_in_and_out(app: Flask, core: Platform) -> None:
    signed_in = people.signed_in(core, people.add_user(core))
    with app.test_request_context("/", environ_overrides=LOCAL):
        assert doors.sign_in(TOKEN)
        doors.sign_in_user(signed_in)
        assert doors.signed_in_as() == signed_in.sign_in
        assert not doors.has_signed_in()
        doors.sign_out()
        assert doors.signed_in_as() is None
