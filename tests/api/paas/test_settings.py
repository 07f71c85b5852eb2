"""Settings of document 000.

GET /api/admin/paas/settings  200 {"settings": {name: value}}
PUT /api/admin/paas/settings  200 {"settings": {name: value}, "message": "Settings updated"}
"""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from paas.domain.live import NAMES, RULES
from tests import s3

PATH = "/api/admin/paas/settings"
# Word for word as the document has it.
DOCUMENTED = """{
  "settings": {
    "default_domain": "apps.example.com",
    "storage_type": "s3",
    "s3_bucket": "my-paas-builds",
    "loki_retention_days": 14
  }
}"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with s3.server() as found:
        yield found


def put(client: FlaskClient, **settings: Any) -> Any:
    return client.put(PATH, json={"settings": settings})


def test_all_settings_are_shown(client: FlaskClient) -> None:
    answer = client.get(PATH)
    assert answer.status_code == 200
    assert list(answer.json) == ["settings"]
    assert list(answer.json["settings"]) == list(NAMES)


def test_the_documented_change(client: FlaskClient, url: str) -> None:
    s3.bucket(url, name="my-paas-builds")
    keys = {"s3_access_key": s3.ACCESS, "s3_secret_key": s3.SECRET}
    assert put(client, s3_endpoint=url, **keys).status_code == 200
    answer = client.put(PATH, data=DOCUMENTED, content_type="application/json")
    assert answer.status_code == 200, answer.text
    assert list(answer.json) == ["settings", "message"]
    assert answer.json["message"] == "Settings updated"
    given = client.application.json.loads(DOCUMENTED)["settings"]
    assert {name: answer.json["settings"][name] for name in given} == given
    assert client.get(PATH).json["settings"] == answer.json["settings"]
    assert answer.json["settings"]["s3_secret_key"] == "set"
    assert s3.SECRET not in answer.text


def test_a_store_that_is_not_there_is_refused_in_words(client: FlaskClient, url: str) -> None:
    before = client.get(PATH).json
    answer = client.put(PATH, data=DOCUMENTED, content_type="application/json")
    assert (answer.status_code, answer.json) == (
        400,
        {"error": "Invalid storage_type. 's3' also needs s3_access_key, s3_secret_key"},
    )
    answer = put(
        client,
        storage_type="s3",
        s3_bucket="none-of-ours",
        s3_endpoint=url,
        s3_access_key=s3.ACCESS,
        s3_secret_key=s3.SECRET,
    )
    assert answer.status_code == 400
    assert "Create the bucket" in answer.json["error"]
    assert s3.SECRET not in answer.text
    assert client.get(PATH).json == before


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "Invalid settings. Must be an object with the settings to change"),
        ({"settings": None}, "Invalid settings. Must be an object with the settings to change"),
        ({"settings": []}, "Invalid settings. Must be an object with the settings to change"),
        ({"settings": {}, "more": 1}, "Unknown field 'more'"),
        ({"settings": {"colour": 1}}, "Unknown setting 'colour'"),
        ({"settings": {"storage_type": "ftp"}}, RULES["storage_type"].sentence),
        (
            {"settings": {"loki_retention_days": 0, "s3_region": 5}},
            f"{RULES['s3_region'].sentence}; {RULES['loki_retention_days'].sentence}",
        ),
    ],
)
def test_what_cannot_be_set(client: FlaskClient, body: dict[str, Any], sentence: str) -> None:
    answer = client.put(PATH, json=body)
    assert (answer.status_code, answer.json) == (400, {"error": sentence})
