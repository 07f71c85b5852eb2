"""The description of document 000's operations against what the document says of them.

Each row has the method, the path, the keys of the body (`?` for one that may be left out, nothing
for no body), the status of the success, and the keys of what it answers: `apps[].id` is the `id`
of each object in the list `apps`. `None` where the document shows none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

APPS = "/api/paas/apps"
ONE = "/api/paas/apps/{}"
ADMIN = "/api/admin/paas"


@dataclass(frozen=True)
class Fact:
    method: str
    path: str
    takes: str = ""
    status: int = 200
    gives: str | None = None
    query: str = ""


ROW = "id name slug status subdomain replicas plan_name cpu_cores ram_mb created_at"
DETAIL = (
    "id name slug git_url git_branch buildpack status subdomain replicas plan_id plan_name "
    "cpu_cores ram_mb disk_gb created_at updated_at"
)
PLAN = "id name slug cpu_cores ram_mb disk_gb max_replicas price_per_hour price_per_month features"
NEW_PLAN = "name slug cpu_cores ram_mb disk_gb max_replicas price_per_hour features?"
ATTEMPT = "id version git_commit status build_started_at build_completed_at deployed_at"


def of(name: str, keys: str) -> str:
    return " ".join([name, *(f"{name}.{key}" for key in keys.split())])


FACTS = (
    Fact("GET", APPS, gives=of("apps[]", ROW)),
    Fact("GET", ONE, gives=of("app", DETAIL)),
    Fact(
        "POST",
        APPS,
        "name slug? git_url git_branch? buildpack? plan_id?",
        201,
        of("app", "id name slug status subdomain created_at"),
    ),
    Fact("PATCH", ONE, "name? git_branch? buildpack?"),
    Fact("DELETE", ONE, gives="message"),
    Fact("POST", f"{ONE}/deploy", "git_commit?", gives="message appId"),
    Fact("GET", f"{ONE}/deployments", gives=of("deployments[]", ATTEMPT)),
    Fact("POST", f"{ONE}/rollback", "version", gives="message version"),
    Fact(
        "GET",
        f"{ONE}/logs",
        gives=of("logs[]", "timestamp message source"),
        query="since limit search",
    ),
    Fact("GET", f"{ONE}/logs/stream"),
    Fact("GET", f"{ONE}/env", gives=of("env_vars[]", "id key is_system created_at")),
    Fact("PUT", f"{ONE}/env", "vars", gives="message"),
    Fact("DELETE", f"{ONE}/env/{{}}", gives="message"),
    Fact("POST", f"{ONE}/scale", "replicas", gives="message replicas"),
    Fact("POST", f"{ONE}/stop", gives="message"),
    Fact("GET", "/api/paas/plans", gives=of("plans[]", PLAN)),
    Fact(
        "GET",
        f"{ADMIN}/overview",
        gives=" ".join(
            (
                of("applications[]", "status count"),
                of("deployments", "total"),
                of("resource_usage", "total_cpu total_ram_mb total_cost_today"),
                of("worker_nodes[]", "status count"),
            )
        ),
    ),
    Fact("GET", f"{ADMIN}/apps"),
    Fact("POST", f"{ADMIN}/apps/{{}}/suspend"),
    Fact("POST", f"{ADMIN}/apps/{{}}/resume"),
    Fact(
        "GET",
        f"{ADMIN}/workers",
        gives=" ".join(
            (
                of("workers[]", "id name status containers lastHeartbeat"),
                of("workers[].cpu", "total used available"),
                of("workers[].ram", "total used available"),
            )
        ),
    ),
    Fact(
        "POST",
        f"{ADMIN}/workers",
        "name ip_address? ssh_port? ssh_user? ssh_key? auto_provision?",
        201,
    ),
    Fact("DELETE", f"{ADMIN}/workers/{{}}"),
    Fact("POST", f"{ADMIN}/swarm/init", gives="message managerIp"),
    Fact("GET", f"{ADMIN}/settings"),
    Fact("PUT", f"{ADMIN}/settings", "settings"),
    Fact("GET", f"{ADMIN}/plans"),
    Fact("POST", f"{ADMIN}/plans", NEW_PLAN, 201),
    Fact("PATCH", f"{ADMIN}/plans/{{}}"),
    Fact("DELETE", f"{ADMIN}/plans/{{}}"),
    Fact("GET", f"{ADMIN}/usage", gives=of("usage[]", "hour total_cpu total_ram_mb total_cost")),
)
REFUSALS = {
    "400",
    "401",
    "403",
    "404",
    "409",
    "413",
    "415",
    "421",
    "422",
    "429",
    "500",
    "502",
    "503",
}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json
    return found


@pytest.fixture
def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The operations of this document, by method and path without the names in it."""
    return {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path)): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path.startswith(("/api/paas", "/api/admin/paas"))
    }


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def keys_of(document: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """The keys that are always there, as the facts write them."""
    schema = resolved(document, schema)
    if "items" in schema:
        yield from keys_of(document, schema["items"], f"{path}[]")
        return
    if path:
        yield path
    for name, member in schema.get("properties", {}).items():
        if name in schema.get("required", ()):
            yield from keys_of(document, member, f"{path}.{name}".lstrip("."))


def test_the_document_has_31_operations() -> None:
    assert len({(fact.method, fact.path) for fact in FACTS}) == len(FACTS) == 31


def name_of(fact: Fact) -> str:
    return f"{fact.method} {fact.path}"


def test_every_operation_answers_as_the_document_says(
    document: dict[str, Any], operations: dict[tuple[str, str], dict[str, Any]]
) -> None:
    for fact in FACTS:
        responses = operations[fact.method, fact.path]["responses"]
        good = [status for status in responses if status.startswith("2")]
        assert good == [str(fact.status)], name_of(fact)
        content = responses[str(fact.status)]["content"]
        is_stream = fact.path.endswith("/stream")
        media = "text/event-stream" if is_stream else "application/json"
        assert list(content) == [media], name_of(fact)
        if fact.gives is not None:
            given = set(keys_of(document, content[media]["schema"]))
            assert given == set(fact.gives.split()), name_of(fact)


def test_every_operation_takes_what_the_document_says(
    document: dict[str, Any], operations: dict[tuple[str, str], dict[str, Any]]
) -> None:
    for fact in FACTS:
        operation = operations[fact.method, fact.path]
        names = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        assert set(fact.query.split()) <= names, name_of(fact)
        if fact.takes:
            body = operation["requestBody"]
            schema = resolved(document, body["content"]["application/json"]["schema"])
            wanted = {key for key in fact.takes.split() if not key.endswith("?")}
            assert set(schema.get("required", ())) == wanted, name_of(fact)
            known = {key.rstrip("?") for key in fact.takes.split()}
            assert known <= set(schema["properties"]), name_of(fact)
            assert body["required"] is (fact.path != f"{ONE}/deploy"), name_of(fact)


def test_every_error_has_the_one_shape(
    document: dict[str, Any], operations: dict[tuple[str, str], dict[str, Any]]
) -> None:
    for name, operation in operations.items():
        refusals = {status for status in operation["responses"] if not status.startswith("2")}
        assert {"401", "403", "429", "500"} <= refusals <= REFUSALS, name
        for status in refusals:
            content = operation["responses"][status]["content"]["application/json"]
            assert list(keys_of(document, content["schema"])) == ["error"], (name, status)
            assert list(content["example"]) == ["error"], (name, status)


def test_what_is_beyond_the_document_stands_beside_it(
    operations: dict[tuple[str, str], dict[str, Any]],
) -> None:
    known = {(fact.method, fact.path) for fact in FACTS}
    beyond = {name for name in operations if name not in known}
    assert beyond >= {
        ("POST", f"{ONE}/start"),
        ("POST", f"{ONE}/restart"),
        ("POST", f"{ONE}/logs/ticket"),
    }
