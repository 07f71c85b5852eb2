"""The environment of an app: which variables there are, never what is in them."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.loading import load_body
from paas.api.operations import Answer, Operation, documented
from paas.api.paas import envelope, examples
from paas.api.paas.auth import actor
from paas.api.paas.schemas.app_requests import VariablesBody
from paas.api.paas.schemas.apps import VariableList
from paas.api.paths import app_id as known
from paas.services import variables

UPDATED = "Environment variables updated"
DELETED = "Environment variable deleted"
KEY = {
    "key": {
        "type": "string",
        "description": "The name of the variable",
        "example": "DATABASE_URL",
    }
}
APPLIED = "A running application gets it with the next deployment."


@documented(
    Operation(
        "environment",
        "List environment variables",
        {
            200: Answer(
                "Their names; what is in them is never shown",
                (VariableList,),
                {"env_vars": [examples.VARIABLE]},
            )
        },
        refusals=(404,),
        path=examples.APP,
    )
)
def listed(app_id: str) -> Response:
    """The names of an app's variables."""
    found = variables.variables(platform(), actor(), known(app_id))
    return envelope.success(VariableList, env_vars=found)


@documented(
    Operation(
        "environment",
        "Set environment variables",
        {200: Answer("They are kept, encrypted", (envelope.Said,), {"message": UPDATED})},
        refusals=(400, 404, 409),
        description=f"Those that the body does not name stay. {APPLIED}",
        path=examples.APP,
        body=lambda _: VariablesBody(),
        body_example={
            "vars": {
                "DATABASE_URL": "postgresql://user:pass@host:5432/db",
                "API_KEY": "secret123",
                "NODE_ENV": "production",
            }
        },
    )
)
def put(app_id: str) -> Response:
    """Set some variables."""
    values = load_body(VariablesBody())["vars"]
    variables.set_variables(platform(), actor(), known(app_id), values)
    return envelope.success(envelope.Said, message=UPDATED)


@documented(
    Operation(
        "environment",
        "Delete an environment variable",
        {200: Answer("It is forgotten", (envelope.Said,), {"message": DELETED})},
        refusals=(400, 404, 409),
        description=f"A system variable stays. {APPLIED}",
        path={**examples.APP, **KEY},
    )
)
def delete(app_id: str, key: str) -> Response:
    """Forget a variable."""
    variables.delete_variable(platform(), actor(), known(app_id), key)
    return envelope.success(envelope.Said, message=DELETED)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/paas/apps/<app_id>/env"
    blueprint.add_url_rule(path, "variables", listed)
    blueprint.add_url_rule(path, "set_variables", put, methods=["PUT"])
    blueprint.add_url_rule(f"{path}/<key>", "delete_variable", delete, methods=["DELETE"])
