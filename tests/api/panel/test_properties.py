"""Whatever a client sends to document 004 and what stands beside it: no failure of the platform,
and no answer that is not documented."""

from collections.abc import Mapping

import pytest
from flask import Flask

from paas.api import identity
from paas.engine.platform import Platform
from tests.api.properties import check_operation, operation_ids
from tests.services import people

OPERATIONS = [
    "panel_accept_invitation",
    "panel_ask_reset",
    "panel_begin_totp",
    "panel_change",
    "panel_choose_password",
    "panel_confirm_totp",
    "panel_disable_totp",
    "panel_end_others",
    "panel_end_sign_in",
    "panel_login",
    "panel_logout",
    "panel_look_at_invitation",
    "panel_make_token",
    "panel_me",
    "panel_refresh",
    "panel_renew_codes",
    "panel_revoke_token",
    "panel_sign_ins",
    "panel_tokens",
]
# After these nothing more is answered to the sign-in that asked.
ENDING = ("panel_logout", "panel_end_sign_in")
TOKEN = {"name": "a script", "scopes": ["apps:read"]}


@pytest.fixture
def email(core: Platform) -> str:
    return people.add_user(core, "user@example.com")


def bearer(app: Flask, core: Platform, email: str) -> Mapping[str, str]:
    """The header of a new sign-in."""
    with app.app_context():
        token = identity.access_token(people.signed_in(core, email))
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def known(app: Flask, core: Platform, email: str) -> dict[str, list[str]]:
    """What paths may name."""
    client, headers = app.test_client(), bearer(app, core, email)
    made = client.post("/api/users/me/tokens", json=TOKEN, headers=headers)
    sign_ins = client.get("/api/users/me/sign-ins", headers=headers)
    return {
        "token_id": [made.json["data"]["id"]],
        "sign_in_id": [one["id"] for one in sign_ins.json["data"]],
    }


def test_every_operation_is_tried(app: Flask) -> None:
    assert {name for name in operation_ids(app) if name.startswith("panel_")} == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_undocumented_answer(
    app: Flask, core: Platform, email: str, known: dict[str, list[str]], name: str
) -> None:
    first = bearer(app, core, email)
    check_operation(app, name, lambda: bearer(app, core, email) if name in ENDING else first, known)
