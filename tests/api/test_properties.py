"""Whatever a client sends: no failure of the platform, and no answer that is not documented.

schemathesis makes the requests from ``/openapi.json``, with valid and with broken values. The seed
is fixed, so that a run can be repeated.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from paas.domain.views import EventView
from paas.services import downloads, events, logs
from tests.api.support import TOKEN, UUID_OF_NOBODY, body

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 25
# Its requests name no peer, so they are not local.
BEARER = {"Authorization": f"Bearer {TOKEN}"}
OPERATIONS = [
    "deploy_deploy",
    "deploy_listed",
    "deploy_shown",
    "deploy_delete",
    "deploy_logs",
    "deploy_runtime_logs",
    "deploy_redeploy",
    "deploy_stop",
    "deploy_start",
    "deploy_restart",
    "deploy_shutdown",
    "deploy_drift",
    "deploy_answer_drift",
    "deploy_frameworks",
    "deploy_stats",
    "deploy_health",
    "deploy_api_health",
    "upkeep_report",
    "upkeep_run",
    "upkeep_adopt",
    "upkeep_remove",
    "platform_events",
    "platform_terraform",
    "platform_metrics",
    "platform_openapi",
    "platform_docs",
]


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams that end, and a zip without a guest."""

    def told(*_: object) -> Iterator[EventView | None]:
        yield None

    monkeypatch.setattr(events, "stream", told)
    monkeypatch.setattr(logs, "follow", told)
    monkeypatch.setattr(downloads, "terraform_zip", lambda *_: b"PK")


def test_every_operation_is_tried(app: Flask) -> None:
    paths = app.test_client().get("/openapi.json").json["paths"].values()
    assert sorted(OPERATIONS) == sorted(o["operationId"] for p in paths for o in p.values())


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.usefixtures("ending")
def test_no_undocumented_answer(app: Flask, name: str) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, headers=BEARER)
    operation = schema.find_operation_by_id(name)
    modes = [operation.as_strategy(GenerationMode.POSITIVE)]
    if list(operation.iter_parameters()) or operation.body:
        modes.append(operation.as_strategy(GenerationMode.NEGATIVE))
    made = [app.test_client().post("/api/deploy", json=body()) for _ in range(3)]
    ids = [answer.json["deployment"]["id"] for answer in made] + [UUID_OF_NOBODY]

    @seed(20251125)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(*modes), known=st.sampled_from([None, *ids]))
    def run(case: Any, known: str | None) -> None:
        if known is not None and "deployment_id" in case.path_parameters:
            case.path_parameters["deployment_id"] = known
        case.call_and_validate(checks=CHECKS, headers={"Prefer": "wait=0", **BEARER})

    run()
