"""One operation of the description, asked whatever its schemas allow and forbid.

schemathesis makes the requests from ``/openapi.json``, with valid and with broken values. The seed
is fixed, so that a run can be repeated.
"""

from collections.abc import Iterator
from typing import Any

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


def operation_ids(app: Flask) -> Iterator[str]:
    """The names of all operations that the application describes."""
    for methods in app.test_client().get("/openapi.json").json["paths"].values():
        for operation in methods.values():
            yield operation["operationId"]


def check_operation(app: Flask, name: str) -> None:
    """No failure of the platform, and no answer that is not documented."""
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
        for parameter in ("deployment_id", "app_id"):
            if known is not None and parameter in case.path_parameters:
                case.path_parameters[parameter] = known
        case.call_and_validate(checks=CHECKS, headers={"Prefer": "wait=0", **BEARER})

    run()
