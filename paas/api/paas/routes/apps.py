"""Apps: all of a team, one, a new one, a changed one, and one no more."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.loading import load_body, load_query
from paas.api.operations import Answer, Operation, documented
from paas.api.paas import envelope, examples
from paas.api.paas.auth import actor
from paas.api.paas.schemas.app_requests import AppChangeBody, AppsQuery, app_body
from paas.api.paas.schemas.apps import AppCreated, AppList, AppShown
from paas.api.paths import app_id as known
from paas.api.paths import next_page
from paas.domain.errors import NotFound
from paas.services import apps, deployments

DELETED = "Application deleted successfully"
NEXT_PAGE = {"Link": 'The next page, `rel="next"`, unless this is the last'}


@documented(
    Operation(
        "apps",
        "List applications",
        {
            200: Answer(
                "The applications of the caller's organization, newest first",
                (AppList,),
                {"apps": [examples.ROW]},
                headers=NEXT_PAGE,
            )
        },
        refusals=(400,),
        query=AppsQuery,
    )
)
def listed() -> Response:
    """A page of the team's apps."""
    query = load_query(AppsQuery())
    page = deployments.page(
        platform(),
        actor(),
        limit=query["limit"],
        cursor=query.get("cursor"),
        search=query["search"],
    )
    return envelope.success(AppList, headers=next_page(page.next_cursor), apps=page.apps)


@documented(
    Operation(
        "apps",
        "Get an application",
        {200: Answer("The application in full", (AppShown,), {"app": examples.DETAIL})},
        refusals=(404,),
        path=examples.APP,
    )
)
def shown(app_id: str) -> Response:
    """One app in full."""
    return envelope.success(AppShown, app=apps.get(platform(), actor(), known(app_id)))


@documented(
    Operation(
        "apps",
        "Create an application",
        {
            201: Answer(
                "The application, which waits for its first deployment",
                (AppCreated,),
                {"app": examples.NEW},
                headers={"Location": "Where it is"},
            )
        },
        refusals=(400,),
        description=(
            "Nothing runs yet: `deploy` brings it up. Without `plan_id` it has the default plan, "
            "or the cheapest one; without `buildpack` the repository says what it is."
        ),
        body=app_body,
        body_example={
            "name": "My App",
            "slug": "my-app",
            "git_url": "https://github.com/user/repo",
            "git_branch": "main",
            "buildpack": "heroku/nodejs",
            "plan_id": examples.OTHER_ID,
        },
    )
)
def create() -> Response:
    """A new app."""
    app = apps.create(platform(), actor(), load_body(app_body(platform())))
    headers = {"Location": f"/api/paas/apps/{app.id}"}
    return envelope.success(AppCreated, 201, headers, app=app)


@documented(
    Operation(
        "apps",
        "Update an application",
        {200: Answer("The application as it is now", (AppShown,), {"app": examples.DETAIL})},
        refusals=(400, 404, 409),
        description="What the body leaves out stays. The next deployment brings the changes.",
        path=examples.APP,
        body=lambda _: AppChangeBody(),
        body_example={
            "name": "Updated App Name",
            "git_branch": "develop",
            "buildpack": "heroku/python",
        },
    )
)
def update(app_id: str) -> Response:
    """Change an app."""
    change = load_body(AppChangeBody())
    return envelope.success(AppShown, app=apps.update(platform(), actor(), known(app_id), change))


@documented(
    Operation(
        "apps",
        "Delete an application",
        {200: Answer("It is being removed", (envelope.Said,), {"message": DELETED})},
        refusals=(404,),
        description=(
            "Destroys its guests with all their data, in whatever state it is. The answer comes "
            "when this is on record and will happen, not when it has happened."
        ),
        path=examples.APP,
    )
)
def delete(app_id: str) -> Response:
    """Remove an app."""
    if deployments.delete(platform(), actor(), known(app_id)) is None:
        raise NotFound(envelope.MISSING)
    return envelope.success(envelope.Said, message=DELETED)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/paas/apps/<app_id>"
    blueprint.add_url_rule("/api/paas/apps", view_func=listed)
    blueprint.add_url_rule("/api/paas/apps", view_func=create, methods=["POST"])
    blueprint.add_url_rule(path, view_func=shown)
    blueprint.add_url_rule(path, view_func=update, methods=["PATCH"])
    blueprint.add_url_rule(path, view_func=delete, methods=["DELETE"])
