"""Clients of document 000, which nobody uses without a token."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.paas.support import app_body
from tests.api.support import TOKEN


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """An administrator."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    return client


@pytest.fixture
def made(client: FlaskClient) -> dict[str, Any]:
    """An app that was made and never deployed."""
    answer = client.post("/api/paas/apps", json=app_body())
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json["app"]
    return found


@pytest.fixture
def running(client: FlaskClient, made: dict[str, Any]) -> dict[str, Any]:
    """An app that runs."""
    answer = client.post(f"/api/paas/apps/{made['id']}/deploy")
    assert answer.status_code == 200, answer.text
    return made
