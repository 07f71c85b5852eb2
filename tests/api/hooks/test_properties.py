"""Whatever is pushed by who knows the secret or does not: no failure of the platform, and no answer
that is not documented."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.paas.support import app_body
from tests.api.properties import BEARER, check_operation


@pytest.mark.parametrize("is_known", [True, False])
def test_no_undocumented_answer(app: Flask, is_known: bool) -> None:
    client: FlaskClient = app.test_client()
    made: Any = client.post("/api/paas/apps", json=app_body(), headers=BEARER).json["app"]
    hook = client.post(f"/api/paas/apps/{made['id']}/webhook", headers=BEARER).json
    headers = {
        "X-Gitlab-Event": "Push Hook",
        "X-Gitlab-Token": hook["secret"] if is_known else "x",
    }
    check_operation(app, "hooks_push", lambda: headers, {"app_id": [made["id"]]})
