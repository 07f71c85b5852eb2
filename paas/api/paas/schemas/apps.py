"""How apps are shown."""

from typing import Any

from marshmallow import fields

from paas.api.answers import Amount, Moment
from paas.api.loading import StrictSchema
from paas.domain.states import ATTEMPT_WORDS_OF_000, WORDS_OF_000, AppState


class StatusWord(fields.String):
    """What an app is doing, in the words of document 000."""

    def __init__(self, **options: Any) -> None:
        words = [word for state, word in WORDS_OF_000.items() if state is not AppState.DELETED]
        super().__init__(metadata={"enum": list(dict.fromkeys(words))}, **options)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        return super()._serialize(WORDS_OF_000[value], attr, obj, **options)


class AttemptWord(fields.String):
    """What became of an attempt, in the words of document 000."""

    def __init__(self, **options: Any) -> None:
        words = list(dict.fromkeys(ATTEMPT_WORDS_OF_000.values()))
        super().__init__(metadata={"enum": words}, **options)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        return super()._serialize(ATTEMPT_WORDS_OF_000[value], attr, obj, **options)


class AppRow(StrictSchema):
    """An app in the list."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    slug = fields.String(required=True)
    status = StatusWord(required=True, attribute="state")
    subdomain = fields.String(required=True)
    replicas = fields.Integer(required=True)
    plan_name = fields.String(required=True, allow_none=True)
    cpu_cores = Amount(required=True)
    ram_mb = fields.Integer(required=True, attribute="resources.memory")
    created_at = Moment(required=True)


class AppOfTeamRow(AppRow):
    """An app in the administrators' list, with whose it is."""

    organization = fields.String(required=True, attribute="tenant")


class AppDetail(StrictSchema):
    """An app in full."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    slug = fields.String(required=True)
    git_url = fields.String(required=True, attribute="repository")
    git_branch = fields.String(required=True, allow_none=True, attribute="branch")
    buildpack = fields.String(required=True, allow_none=True)
    status = StatusWord(required=True, attribute="state")
    subdomain = fields.String(required=True)
    replicas = fields.Integer(required=True)
    plan_id = fields.UUID(required=True, allow_none=True)
    plan_name = fields.String(required=True, allow_none=True)
    cpu_cores = Amount(required=True)
    ram_mb = fields.Integer(required=True, attribute="resources.memory")
    disk_gb = fields.Integer(required=True, attribute="resources.disk")
    created_at = Moment(required=True)
    updated_at = Moment(required=True)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """An app that was never changed was last changed when it was made."""
        found = super().get_attribute(obj, attr, default)
        return obj.created_at if attr == "updated_at" and found is None else found


class NewApp(StrictSchema):
    """An app that was just made."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    slug = fields.String(required=True)
    status = StatusWord(required=True, attribute="state")
    subdomain = fields.String(required=True)
    created_at = Moment(required=True)


class AppList(StrictSchema):
    apps = fields.List(fields.Nested(AppRow), required=True)


class AppOfTeamList(StrictSchema):
    apps = fields.List(fields.Nested(AppOfTeamRow), required=True)


class AppShown(StrictSchema):
    app = fields.Nested(AppDetail, required=True)


class AppCreated(StrictSchema):
    app = fields.Nested(NewApp, required=True)


class AppDecided(StrictSchema):
    """What an administrator decided, and the app as it is then."""

    message = fields.String(required=True)
    app = fields.Nested(AppDetail, required=True)


class AttemptRow(StrictSchema):
    """An attempt to bring a version live; ``deployed_at`` is when it was."""

    id = fields.UUID(required=True)
    version = fields.Integer(required=True, allow_none=True)
    git_commit = fields.String(required=True, allow_none=True)
    status = AttemptWord(required=True, attribute="state")
    build_started_at = Moment(required=True, allow_none=True)
    build_completed_at = Moment(required=True, allow_none=True)
    deployed_at = Moment(required=True, allow_none=True)


class AttemptList(StrictSchema):
    deployments = fields.List(fields.Nested(AttemptRow), required=True)


class VariableRow(StrictSchema):
    """A variable without its value; a system one was made by the platform."""

    id = fields.UUID(required=True)
    key = fields.String(required=True)
    is_system = fields.Boolean(required=True)
    created_at = Moment(required=True)


class VariableList(StrictSchema):
    env_vars = fields.List(fields.Nested(VariableRow), required=True)


class DeploymentBegun(StrictSchema):
    message = fields.String(required=True)
    app_id = fields.UUID(required=True, data_key="appId")


class RollbackBegun(StrictSchema):
    message = fields.String(required=True)
    version = fields.Integer(required=True)


class ScaleBegun(StrictSchema):
    message = fields.String(required=True)
    replicas = fields.Integer(required=True)
