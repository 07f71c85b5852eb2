"""What administrators see and do of everybody's apps."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.loading import load_query
from paas.api.operations import Answer, Operation, documented
from paas.api.paas import envelope, examples
from paas.api.paas.auth import actor
from paas.api.paas.routes.apps import NEXT_PAGE
from paas.api.paas.schemas.app_requests import AppsQuery
from paas.api.paas.schemas.apps import AppDecided, AppOfTeamList
from paas.api.paths import app_id as known
from paas.api.paths import next_page
from paas.services import apps

SUSPENDED = "Application suspended"
RESUMED = "Application resumed"


@documented(
    Operation(
        "admin",
        "List all applications",
        {
            200: Answer(
                "The applications of all organizations, newest first",
                (AppOfTeamList,),
                {"apps": [examples.ROW | {"organization": "default"}]},
                headers=NEXT_PAGE,
            )
        },
        refusals=(400,),
        query=AppsQuery,
    )
)
def everyone() -> Response:
    """A page of everybody's apps."""
    query = load_query(AppsQuery())
    page = apps.everyone(
        platform(),
        actor(),
        limit=query["limit"],
        cursor=query.get("cursor"),
        search=query["search"],
    )
    return envelope.success(AppOfTeamList, headers=next_page(page.next_cursor), apps=page.apps)


@documented(
    Operation(
        "admin",
        "Suspend an application",
        {
            200: Answer(
                "It will serve no more; its data stay",
                (AppDecided,),
                {"message": SUSPENDED, "app": examples.DETAIL | {"status": "suspended"}},
            )
        },
        refusals=(404, 409),
        path=examples.APP,
    )
)
def suspend(app_id: str) -> Response:
    """Take an app from serving."""
    app = apps.suspend(platform(), actor(), known(app_id))
    return envelope.success(AppDecided, message=SUSPENDED, app=app)


@documented(
    Operation(
        "admin",
        "Resume an application",
        {
            200: Answer(
                "It will be again what it was",
                (AppDecided,),
                {"message": RESUMED, "app": examples.DETAIL},
            )
        },
        refusals=(404, 409),
        path=examples.APP,
    )
)
def resume(app_id: str) -> Response:
    """Let a suspended app be again what it was."""
    app = apps.resume(platform(), actor(), known(app_id))
    return envelope.success(AppDecided, message=RESUMED, app=app)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/admin/paas/apps"
    blueprint.add_url_rule(path, view_func=everyone)
    for view in (suspend, resume):
        blueprint.add_url_rule(f"{path}/<app_id>/{view.__name__}", view_func=view, methods=["POST"])
