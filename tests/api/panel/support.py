"""How tests sign in by document 004, and what its errors look like."""

from typing import Any

from flask.testing import FlaskClient

from tests.services import people

PATH = "/api/auth/login"


def login(client: FlaskClient, email: str, **more: str) -> Any:
    return client.post(PATH, json={"email": email, "password": people.PASSWORD, **more})


def shows(answer: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer.json['data']['token']}"}


def error(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The error of an answer, which has the documented shape."""
    assert answer.status_code == status, answer.text
    assert list(answer.json) == ["success", "error"]
    assert answer.json["success"] is False
    found: dict[str, Any] = answer.json["error"]
    assert list(found)[:2] == ["code", "message"]
    assert found["code"] == code
    return found
