"""GET /api/deployments/{id}/terraform: application/zip; errors in the words of document 001."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from paas.domain.errors import Conflict
from paas.services import downloads
from tests.api.support import UUID_OF_NOBODY


def test_the_zip_of_a_deployment(
    client: FlaskClient, deployed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "terraform_zip", lambda *_: b"PK zip")
    answer = client.get(f"/api/deployments/{deployed['id']}/terraform")
    assert (answer.status_code, answer.data) == (200, b"PK zip")
    assert answer.mimetype == "application/zip"
    wanted = f"attachment; filename={deployed['name']}-terraform.zip"
    assert answer.headers["Content-Disposition"] == wanted


def test_one_that_has_no_guest(
    client: FlaskClient, deployed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: object) -> bytes:
        raise Conflict("This deployment has no guest")

    monkeypatch.setattr(downloads, "terraform_zip", nothing)
    answer = client.get(f"/api/deployments/{deployed['id']}/terraform")
    assert answer.status_code == 409
    assert answer.json == {"success": False, "error": "This deployment has no guest"}


def test_one_that_is_not_there(client: FlaskClient) -> None:
    answer = client.get(f"/api/deployments/{UUID_OF_NOBODY}/terraform")
    assert (answer.status_code, answer.json["error"]) == (404, "Deployment not found")
