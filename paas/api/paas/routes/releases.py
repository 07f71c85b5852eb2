"""Bringing versions of an app live: a newer one, an older one, and what became of each attempt."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.loading import load_body, load_query
from paas.api.operations import Answer, Operation, documented
from paas.api.paas import envelope, examples
from paas.api.paas.auth import actor
from paas.api.paas.routes.apps import NEXT_PAGE
from paas.api.paas.schemas.app_requests import CommitBody, PageQuery, VersionBody
from paas.api.paas.schemas.apps import AttemptList, DeploymentBegun, RollbackBegun
from paas.api.paths import app_id as known
from paas.api.paths import next_page
from paas.services import releases

STARTED = "Deployment started"
ROLLED_BACK = "Rollback initiated"


@documented(
    Operation(
        "apps",
        "Trigger a deployment",
        {
            200: Answer(
                "It will happen; `deployments` says what becomes of it",
                (DeploymentBegun,),
                {"message": STARTED, "appId": examples.ID},
            )
        },
        refusals=(400, 404, 409),
        description="Brings the newest commit of the branch, or `git_commit`.",
        path=examples.APP,
        body=lambda _: CommitBody(),
        body_required=False,
        body_example={"git_commit": "abc123def"},
    )
)
def deploy(app_id: str) -> Response:
    """Bring a commit live."""
    commit = load_body(CommitBody(), required=False).get("git_commit")
    work = releases.deploy(platform(), actor(), known(app_id), commit=commit)
    return envelope.success(DeploymentBegun, message=STARTED, app_id=work.app_id)


@documented(
    Operation(
        "apps",
        "List deployments",
        {
            200: Answer(
                "Every attempt to bring a version live, newest first",
                (AttemptList,),
                {"deployments": [examples.ATTEMPT]},
                headers=NEXT_PAGE,
            )
        },
        refusals=(400, 404),
        path=examples.APP,
        query=PageQuery,
    )
)
def deployments(app_id: str) -> Response:
    """A page of an app's deployments."""
    query = load_query(PageQuery())
    page = releases.attempts(
        platform(), actor(), known(app_id), limit=query["limit"], before=query.get("cursor")
    )
    headers = next_page(page.next_cursor)
    return envelope.success(AttemptList, headers=headers, deployments=page.attempts)


@documented(
    Operation(
        "apps",
        "Roll back",
        {
            200: Answer(
                "It will happen; `deployments` says what becomes of it",
                (RollbackBegun,),
                {"message": ROLLED_BACK, "version": 3},
            )
        },
        refusals=(400, 404, 409),
        description=(
            "Brings code, configuration and environment of that version back, and switches "
            "automatic deployments off. `force` goes past a migration that cannot be taken back."
        ),
        path=examples.APP,
        body=lambda _: VersionBody(),
        body_example={"version": 3},
    )
)
def rollback(app_id: str) -> Response:
    """Bring an older version back."""
    body = load_body(VersionBody())
    version = body["version"]
    releases.rollback(platform(), actor(), known(app_id), version, force=body["force"])
    return envelope.success(RollbackBegun, message=ROLLED_BACK, version=version)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/paas/apps/<app_id>"
    blueprint.add_url_rule(f"{path}/deploy", view_func=deploy, methods=["POST"])
    blueprint.add_url_rule(f"{path}/deployments", view_func=deployments)
    blueprint.add_url_rule(f"{path}/rollback", view_func=rollback, methods=["POST"])
