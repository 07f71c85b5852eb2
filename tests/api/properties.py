"""One operation of the description, asked whatever its schemas allow and forbid.

schemathesis makes the requests from ``/openapi.json``, with valid and with broken values. The seed
is fixed, so that a run can be repeated.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from types import MappingProxyType
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


def check_operation(
    app: Flask,
    name: str,
    headers: Callable[[], Mapping[str, str]] = lambda: BEARER,
    known: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """No failure of the platform, and no answer that is not documented.

    ``headers`` are asked for before each request; ``known`` are values that a parameter of the
    path may have, beside those that nothing has.
    """
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, headers=BEARER)
    operation = schema.find_operation_by_id(name)
    modes = [operation.as_strategy(GenerationMode.POSITIVE)]
    if list(operation.iter_parameters()) or operation.body:
        modes.append(operation.as_strategy(GenerationMode.NEGATIVE))
    parameters = dict.fromkeys(("deployment_id", "app_id"), _made(app)) | dict(known)
    app.wsgi_app = _from_everywhere(app.wsgi_app)  # type: ignore[method-assign]

    @seed(20251125)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(*modes), which=st.sampled_from([None, *range(4)]))
    def run(case: Any, which: int | None) -> None:
        for parameter, values in parameters.items():
            if which is not None and parameter in case.path_parameters:
                every = [*values, UUID_OF_NOBODY]
                case.path_parameters[parameter] = every[which % len(every)]
        case.call_and_validate(checks=CHECKS, headers={"Prefer": "wait=0", **headers()})

    run()


def _made(app: Flask) -> list[str]:
    """The ids of three apps that run."""
    made = [app.test_client().post("/api/deploy", json=body()) for _ in range(3)]
    return [answer.json["deployment"]["id"] for answer in made]


def _from_everywhere(served: Any) -> Any:
    """Requests from addresses of their own: who asks often from one is soon asked to wait."""
    numbers = count(1)

    def answer(environ: dict[str, Any], start: Any) -> Any:
        return served({**environ, "REMOTE_ADDR": f"192.0.2.{next(numbers) % 250}"}, start)

    return answer
