"""The environment of an application.

GET    /api/paas/apps/{id}/env        200 {"env_vars": [{id, key, is_system, created_at}]}
PUT    /api/paas/apps/{id}/env        200 {"message": "Environment variables updated"}
DELETE /api/paas/apps/{id}/env/{key}  200 {"message": "Environment variable deleted"}
errors                                {"error": "..."}
"""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from paas.engine.platform import Platform
from paas.store.models import App
from tests.api.paas.support import TIME, VARIABLE_KEYS
from tests.api.support import UUID_OF_NOBODY

SECRET = "postgresql://user:pass@host:5432/db"


def path(app: dict[str, Any]) -> str:
    return f"/api/paas/apps/{app['id']}/env"


def keys(client: FlaskClient, app: dict[str, Any]) -> list[str]:
    return [row["key"] for row in client.get(path(app)).json["env_vars"]]


def test_variables_are_set_and_never_shown(client: FlaskClient, made: dict[str, Any]) -> None:
    values = {"DATABASE_URL": SECRET, "API_KEY": "secret123", "NODE_ENV": "production"}
    answer = client.put(path(made), json={"vars": values})
    assert (answer.status_code, answer.json) == (200, {"message": "Environment variables updated"})
    answer = client.get(path(made))
    assert list(answer.json) == ["env_vars"]
    assert [list(row) for row in answer.json["env_vars"]] == [VARIABLE_KEYS] * 3
    assert keys(client, made) == ["API_KEY", "DATABASE_URL", "NODE_ENV"]
    for row in answer.json["env_vars"]:
        assert row["is_system"] is False
        assert re.fullmatch(TIME, row["created_at"])
    assert len({row["id"] for row in answer.json["env_vars"]}) == 3
    assert not any(value in answer.text for value in values.values())


def test_the_id_of_a_variable_stays(client: FlaskClient, made: dict[str, Any]) -> None:
    client.put(path(made), json={"vars": {"A": "1"}})
    before = client.get(path(made)).json
    client.put(path(made), json={"vars": {"A": "2"}})
    assert client.get(path(made)).json == before


def test_others_stay(client: FlaskClient, made: dict[str, Any]) -> None:
    client.put(path(made), json={"vars": {"A": "1", "B": "2"}})
    client.put(path(made), json={"vars": {"B": "3", "C": "4"}})
    assert keys(client, made) == ["A", "B", "C"]
    client.put(path(made), json={"vars": {}})
    assert keys(client, made) == ["A", "B", "C"]


def test_they_are_kept_encrypted(client: FlaskClient, made: dict[str, Any], core: Platform) -> None:
    client.put(path(made), json={"vars": {"DATABASE_URL": SECRET}})
    with core.store.read() as session:
        (app,) = session.query(App).all()
    assert SECRET.encode() not in app.environment
    assert core.store.vault.open_map(app.environment)["DATABASE_URL"] == SECRET


def test_one_is_deleted(client: FlaskClient, made: dict[str, Any]) -> None:
    client.put(path(made), json={"vars": {"A": "1", "B": "2"}})
    answer = client.delete(f"{path(made)}/A")
    assert (answer.status_code, answer.json) == (200, {"message": "Environment variable deleted"})
    assert keys(client, made) == ["B"]
    answer = client.delete(f"{path(made)}/A")
    assert (answer.status_code, answer.json) == (404, {"error": "Environment variable not found"})


@pytest.fixture
def with_system(core: Platform, made: dict[str, Any]) -> dict[str, Any]:
    """An app with a variable that the platform made."""
    with core.store.write() as session:
        app = session.query(App).filter_by(uuid=made["id"]).one()
        app.environment = core.store.vault.seal_map({"SECRET_KEY": "made-by-the-platform"})
        app.variables = {
            "SECRET_KEY": {"is_system": True, "created_at": "2025-11-09T10:00:00+00:00"}
        }
    return made


def test_system_variables_stay(client: FlaskClient, with_system: dict[str, Any]) -> None:
    (row,) = client.get(path(with_system)).json["env_vars"]
    assert (row["key"], row["is_system"]) == ("SECRET_KEY", True)
    assert row["created_at"] == "2025-11-09T10:00:00Z"
    answer = client.put(path(with_system), json={"vars": {"SECRET_KEY": "mine", "A": "1"}})
    assert answer.status_code == 400
    assert "SECRET_KEY" in answer.json["error"]
    answer = client.delete(f"{path(with_system)}/SECRET_KEY")
    assert answer.status_code == 400
    assert keys(client, with_system) == ["SECRET_KEY"]


def test_the_longest_value(client: FlaskClient, made: dict[str, Any]) -> None:
    assert client.put(path(made), json={"vars": {"A": "x" * 32_768}}).status_code == 200
    key = "-----BEGIN KEY-----\nabc\n-----END KEY-----\n"
    assert client.put(path(made), json={"vars": {"B": key, "C": ""}}).status_code == 200


SHAPE = "Invalid vars. Must be an object of at most 100 variables"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, SHAPE),
        *(({"vars": given}, SHAPE) for given in (None, [], "A=1", 7)),
        ({"vars": {f"A{n}": "" for n in range(101)}}, SHAPE),
        *(
            (
                {"vars": {given: "x"}},
                f"Invalid vars. {given!a} must be letters, digits and underscores, not beginning "
                "with a digit, at most 100 characters",
            )
            for given in ("", "1A", "A B", "A-B", "A\n", "É", "A=1", "$(x)")
        ),
        *(
            (
                {"vars": {"A": given}},
                "Invalid vars. The value of 'A' must be text of at most 32768 characters without "
                "control characters",
            )
            for given in (7, None, True, [], {}, "a\x00b", "\x1b[31m", "x" * 32_769)
        ),
        *(
            (
                {"vars": {given: "x"}},
                f"Invalid vars. {given} is set by the platform; choose another name",
            )
            for given in ("PORT", "HOST", "PAAS_DATA_DIR", "paas_x")
        ),
        ({"vars": {}, "values": {}}, "Unknown field 'values'"),
    ],
)
def test_a_rule_that_is_broken(
    client: FlaskClient, made: dict[str, Any], body: dict[str, Any], sentence: str
) -> None:
    answer = client.put(path(made), json=body)
    assert (answer.status_code, answer.json) == (400, {"error": sentence})
    assert keys(client, made) == []


@pytest.mark.parametrize("given", [UUID_OF_NOBODY, "x"])
def test_one_that_is_not_there(client: FlaskClient, given: str) -> None:
    missing = {"error": "Application not found"}
    for answer in (
        client.get(path({"id": given})),
        client.put(path({"id": given}), json={"vars": {}}),
        client.delete(path({"id": given}) + "/A"),
    ):
        assert (answer.status_code, answer.json) == (404, missing)
