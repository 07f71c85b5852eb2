"""What is asked of apps."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields, post_load, validates_schema

from paas.api import rules, variables
from paas.api.loading import StrictSchema
from paas.domain import slugs
from paas.domain.specs import AppChange, AppSpec
from paas.services import plan_rules

if TYPE_CHECKING:
    from paas.engine.platform import Platform

MOST_ROWS = 1000
LONGEST_SLUG = 50
SLUG_PATTERN = r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$"
BUILDPACK_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}(?:/[A-Za-z0-9][A-Za-z0-9_.-]{0,62})?$"
UUID_PATTERN = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"

NAME = "Invalid name. Must be 1-64 printable characters, neither beginning nor ending with a blank"
SLUG = (
    f"Invalid slug. Must be 1-{LONGEST_SLUG} lower case letters, digits and dashes, beginning "
    "and ending with a letter or digit"
)
SLUG_MISSING = (
    "Invalid slug. One is needed, because the name has no letters or digits to make it of"
)
GIT_URL = "Invalid git_url. Must be a repository such as https://github.com/user/repo"
GIT_BRANCH = "Invalid git_branch. Must be the name of a git branch, at most 200 characters"
GIT_COMMIT = "Invalid git_commit. Must be 4-40 hexadecimal digits"
BUILDPACK = "Invalid buildpack. Must be a name such as heroku/python"
PLAN = "Invalid plan_id. Must be the id of a plan"
AUTO_DEPLOY = "Invalid auto_deploy. Must be true or false"
VERSION = "Invalid version. Must be the number of a deployment's version"
FORCE = "Invalid force. Must be true or false"
REPLICAS = "Invalid replicas. Must be a whole number, {}-{}".format(*plan_rules.REPLICAS)
VARS = variables.Rules("vars", 32_768)


def _slug(name: str) -> str:
    return slugs.slug_of(name, LONGEST_SLUG)


def _name(**options: Any) -> fields.String:
    def no_blanks(value: str) -> None:
        if value != value.strip():
            raise ValidationError(NAME)

    found = rules.printable(NAME, 64, **options)
    found.validators.append(no_blanks)
    return found


class AppBody(StrictSchema):
    """A new app, loaded into an ``AppSpec``."""

    name = _name(required=True)
    slug = rules.text(
        SLUG,
        SLUG_PATTERN,
        metadata={
            "maxLength": LONGEST_SLUG,
            "description": "Its name in addresses; made of the name when missing",
        },
    )
    git_url = fields.String(
        required=True,
        error_messages=rules.one_sentence(GIT_URL),
        metadata={"description": "At github.com, or at a host in `PAAS_GIT_HOSTS`"},
    )
    git_branch = rules.git_ref(GIT_BRANCH, "The branch to follow; else the repository's own")
    buildpack = rules.text(
        BUILDPACK,
        BUILDPACK_PATTERN,
        metadata={"description": "How it is built; found out from the repository when missing"},
    )
    plan_id = rules.text(PLAN, UUID_PATTERN, metadata={"format": "uuid"})

    def __init__(self, git_hosts: tuple[str, ...] = ()) -> None:
        """``git_hosts`` are those that serve repositories beside github.com."""
        super().__init__()
        self._git_hosts = git_hosts
        # Fields are copied for each schema, but shallowly: what they hold is replaced.
        more = {} if git_hosts else {"pattern": rules.GITHUB_URL}
        self.fields["git_url"].metadata = {**self.fields["git_url"].metadata, **more}

    @validates_schema(skip_on_field_errors=False)
    def _check(self, data: dict[str, Any], **_: Any) -> None:
        errors = {}
        if "git_url" in data and rules.repository_url(data["git_url"], self._git_hosts) is None:
            errors["git_url"] = [GIT_URL]
        if len(data.get("slug", "")) > LONGEST_SLUG:
            errors["slug"] = [SLUG]
        if "name" in data and "slug" not in data and not _slug(data["name"]):
            errors["slug"] = [SLUG_MISSING]
        if errors:
            raise ValidationError(errors)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> AppSpec:
        return AppSpec(
            name=data["name"],
            slug=data.get("slug") or _slug(data["name"]),
            repository=rules.repository_url(data["git_url"], self._git_hosts) or "",
            branch=data.get("git_branch"),
            buildpack=data.get("buildpack"),
            plan=data.get("plan_id", "").lower() or None,
            framework=None,
            environment={},
        )


class AppChangeBody(StrictSchema):
    """What may be changed of an app, loaded into an ``AppChange``; what is missing stays."""

    name = _name()
    git_branch = rules.git_ref(GIT_BRANCH, "The branch to follow from the next deployment on")
    buildpack = rules.text(BUILDPACK, BUILDPACK_PATTERN)
    plan_id = rules.text(PLAN, UUID_PATTERN, metadata={"format": "uuid"})
    auto_deploy = rules.Truth(
        AUTO_DEPLOY, metadata={"description": "Whether a push to the branch deploys it"}
    )

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> AppChange:
        return AppChange(
            name=data.get("name"),
            branch=data.get("git_branch"),
            buildpack=data.get("buildpack"),
            plan=data.get("plan_id", "").lower() or None,
            auto_deploy=data.get("auto_deploy"),
        )


class CommitBody(StrictSchema):
    """Which commit is deployed; without one, the newest of the branch."""

    git_commit = rules.text(GIT_COMMIT, r"^[0-9a-fA-F]{4,40}$")


class VersionBody(StrictSchema):
    """Where a rollback goes; ``force`` goes past a migration that cannot be taken back."""

    version = rules.whole_number(VERSION, 1, 2**31 - 1, required=True)
    force = rules.Truth(FORCE, load_default=False)


class ReplicasBody(StrictSchema):
    replicas = rules.whole_number(REPLICAS, *plan_rules.REPLICAS, required=True)


class VariablesBody(StrictSchema):
    vars = variables.field(VARS, "Set or replaced; others stay as they are", required=True)


class PageQuery(StrictSchema):
    """Which part of a long list is wanted."""

    limit = rules.WrittenNumber(
        f"Invalid limit. Must be 1-{MOST_ROWS}", 1, MOST_ROWS, load_default=MOST_ROWS
    )
    cursor = rules.text(
        "Invalid cursor. Follow the Link header of the page before", r"^[0-9]{1,18}$"
    )


class AppsQuery(PageQuery):
    search = rules.printable(
        "Invalid search. Must be 1-100 printable characters", 100, load_default=None
    )


def app_body(platform: "Platform") -> AppBody:
    """The schema with this platform's hosts."""
    return _app_body(platform.settings.git_hosts)


# Making a schema takes longer than loading with it, and it keeps nothing of what it loads.
_app_body = lru_cache(maxsize=8)(AppBody)
