"""GET /openapi.json, GET /docs, GET /metrics: what describes the platform; errors are text."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema_rs import Draft202012Validator

from paas.api.operations import operation_of
from paas.settings import CHECKOUT
from tests.api.support import CATALOGUE

DIALECTS = ("deploy.", "hooks.", "paas.", "panel.", "upkeep.", "platform.")


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_every_route_of_the_dialects_is_described(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        method + " " + re.sub("<([^>]+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint.startswith(DIALECTS) and not rule.endpoint.endswith(".static")
    }
    assert routes == set(operations(document))


def test_the_page_in_docs_has_the_same_operations(document: dict[str, Any]) -> None:
    page = (CHECKOUT / "docs" / "api" / "README.md").read_text()
    rows = re.findall(r"^\| `((?:GET|POST|PUT|PATCH|DELETE) /[^`]*)` \|", page, re.MULTILINE)
    assert sorted(rows) == sorted(operations(document))


def test_every_answer_has_a_body_and_every_json_one_a_schema(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for name, operation in operations(document).items():
        assert {"401", "421", "429", "500"} <= set(operation["responses"]), name
        assert {"200", "201"} & set(operation["responses"]), name
        if not name.startswith("GET"):
            assert {"403", "413", "415"} <= set(operation["responses"]), name
        for status, response in operation["responses"].items():
            assert response["content"], (name, status)
            for media, content in response["content"].items():
                assert content["schema"], (name, status)
                if media == "application/json" and name != "GET /openapi.json":
                    assert "example" in content, (name, status)


def test_examples_fit_their_schemas(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        bodies = [*operation["responses"].values(), operation.get("requestBody", {"content": {}})]
        for body in bodies:
            for content in body["content"].values():
                if "example" in content:
                    schema = {**content["schema"], "components": document["components"]}
                    errors = list(Draft202012Validator(schema).iter_errors(content["example"]))
                    assert not errors, (name, errors)


def test_the_rules_of_a_deployment_are_in_it(document: dict[str, Any]) -> None:
    schema = document["components"]["schemas"]["DeployBody"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["framework"]["enum"] == list(CATALOGUE)
    resources = {"cores": 9, "memory": 1024, "disk": 10}
    body = {
        "name": "shop",
        "deployment_type": "vm",
        "framework": "django",
        "github_url": "https://github.com/a/b",
        "resources": resources,
    }
    whole = Draft202012Validator({**schema, "components": document["components"]})
    assert whole.is_valid(body)
    assert not whole.is_valid(body | {"deployment_type": "lxc"})
    assert not whole.is_valid(body | {"environment": {"PORT": "1"}})
    assert not whole.is_valid(body | {"environment": {"1A": "1"}})
    assert not whole.is_valid(body | {"colour": "red"})


def test_an_answer_may_have_several_forms(client: FlaskClient, document: dict[str, Any]) -> None:
    answers = operations(document)["GET /api/deployments/{deployment_id}/runtime-logs"]["responses"]
    assert set(answers["200"]["content"]) == {"application/json", "text/event-stream"}
    (section,) = re.findall(
        r'<section id="deploy_runtime_logs".*?</section>', client.get("/docs").text, re.DOTALL
    )
    assert "<code>text/event-stream</code>" in section
    assert "event: line" in section


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(names) == len(set(names))


def test_the_page_shows_every_operation(client: FlaskClient, document: dict[str, Any]) -> None:
    answer = client.get("/docs")
    assert answer.mimetype == "text/html"
    for operation in operations(document).values():
        assert f'<section id="{operation["operationId"]}"' in answer.text
    assert "Invalid GitHub URL" in answer.text


def test_the_page_needs_nothing_from_elsewhere_and_no_script(client: FlaskClient) -> None:
    text = client.get("/docs").text
    assert not re.search(r"<script|<style|style=|\son\w+=|(?:src|href)=\"(?:https?:)?//", text)
    (sheet,) = re.findall(r'<link rel="stylesheet" href="([^"]+)"', text)
    answer = client.get(sheet)
    assert answer.mimetype == "text/css"
    assert not re.search(r"url\(|@import", answer.text)


def test_metrics_are_prometheus_text(client: FlaskClient) -> None:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "# TYPE " in answer.text


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json", "/docs"])
def test_errors_here_are_text(client: FlaskClient, path: str) -> None:
    answer = client.post(path)
    assert answer.status_code == 405
    assert answer.mimetype == "text/plain"
    answer = client.get(path, headers={"Via": "1.1 proxy"})
    assert answer.status_code == 401
    assert answer.mimetype == "text/plain"


def test_a_mark_is_found_again(app: Flask) -> None:
    assert operation_of(app.view_functions["deploy.deploy"]) is not None
    assert operation_of(app.view_functions["web.overview.index"]) is None
