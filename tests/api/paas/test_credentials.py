"""A private repository's credential: made or given, never shown.

The envelope is {"credential": {"kind", "public_key", "username"}}.
"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from paas.engine.platform import Platform
from paas.store.people import AuditEntry

SECRET = "a-token-of-the-git-host"


def test_a_deploy_key_shows_its_public_half(client: FlaskClient, made: dict[str, Any]) -> None:
    path = f"/api/paas/apps/{made['id']}/repository"
    answer = client.post(f"{path}/key")
    assert answer.status_code == 200
    shown = answer.json["credential"]
    assert shown["kind"] == "key"
    assert shown["public_key"].startswith("ssh-ed25519 ")
    assert shown["public_key"].endswith(f"paas-{made['slug']}")
    assert client.get(path).json == answer.json
    again = client.post(f"{path}/key", json={"ssh_port": 2222}).json["credential"]
    assert again["public_key"] != shown["public_key"]


def test_a_token_is_kept_sealed_and_never_shown(
    client: FlaskClient, core: Platform, made: dict[str, Any]
) -> None:
    path = f"/api/paas/apps/{made['id']}/repository"
    answer = client.put(f"{path}/token", json={"token": SECRET, "username": "ada"})
    assert answer.json == {"credential": {"kind": "token", "public_key": None, "username": "ada"}}
    assert SECRET not in client.get(path).text
    assert SECRET.encode() not in (core.settings.instance / "paas.db").read_bytes()
    with core.store.read() as session:
        entries = [(e.action, e.details) for e in session.query(AuditEntry)]
    assert ("credential.set", {"credential": "token"}) in entries
    assert SECRET not in str(entries)


def test_it_can_be_forgotten(client: FlaskClient, made: dict[str, Any]) -> None:
    path = f"/api/paas/apps/{made['id']}/repository"
    client.put(f"{path}/token", json={"token": SECRET})
    assert client.delete(path).json == {"message": "Repository credential removed"}
    assert client.get(path).json == {"credential": None}
    assert client.delete(path).status_code == 200


@pytest.mark.parametrize(
    "body",
    [{}, {"token": ""}, {"token": "a b"}, {"token": "x\n"}, {"token": "x", "username": "a:b"}],
)
def test_what_is_no_token_is_refused(
    client: FlaskClient, made: dict[str, Any], body: dict[str, Any]
) -> None:
    answer = client.put(f"/api/paas/apps/{made['id']}/repository/token", json=body)
    assert (answer.status_code, list(answer.json)) == (400, ["error"])
