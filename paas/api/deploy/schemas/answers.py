"""What document 001 answers: each schema is documented and dumped with."""

from marshmallow import fields

from paas.api.answers import LineMoment, Moment
from paas.api.envelopes import Message, Success
from paas.api.loading import StrictSchema
from paas.domain.states import AppState


class ResourcesAnswer(StrictSchema):
    """Cores as a count, memory in MB, disk in GB."""

    cores = fields.Integer(required=True)
    memory = fields.Integer(required=True)
    disk = fields.Integer(required=True)


class DeployedAnswer(StrictSchema):
    """A deployment as the answer to a request that changes it."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    ip_address = fields.String(required=True, allow_none=True, attribute="address")
    vm_id = fields.Integer(required=True, allow_none=True, attribute="vmid")
    status = fields.Enum(AppState, by_value=True, required=True, attribute="state")
    framework = fields.String(required=True)
    access_url = fields.String(required=True, allow_none=True)


class ListedAnswer(StrictSchema):
    """A deployment in the list."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    deployment_type = fields.String(required=True, attribute="guest_type")
    framework = fields.String(required=True)
    github_url = fields.String(required=True, attribute="repository")
    resources = fields.Nested(ResourcesAnswer, required=True)
    status = fields.Enum(AppState, by_value=True, required=True, attribute="state")
    created_at = Moment(required=True)
    deployed_at = Moment(required=True, allow_none=True)
    ip_address = fields.String(required=True, allow_none=True, attribute="address")
    vm_id = fields.Integer(required=True, allow_none=True, attribute="vmid")
    error_message = fields.String(required=True, allow_none=True)


class StepAnswer(StrictSchema):
    """The step that an operation is at: ``index`` of ``total``, from 1."""

    name = fields.String(required=True)
    state = fields.String(required=True)
    index = fields.Integer(required=True)
    total = fields.Integer(required=True)
    seconds = fields.Float(required=True)


class ShownAnswer(ListedAnswer):
    """A deployment by itself, with what it is doing now."""

    access_url = fields.String(required=True, allow_none=True)
    port = fields.Integer(required=True)
    branch = fields.String(required=True, allow_none=True)
    commit = fields.String(required=True, allow_none=True, attribute="sha")
    release = fields.Integer(required=True, allow_none=True)
    operation = fields.String(required=True, allow_none=True)
    step = fields.Nested(StepAnswer, required=True, allow_none=True)
    node = fields.String(required=True, allow_none=True)


class Health(StrictSchema):
    """The one answer without ``success``."""

    status = fields.String(required=True)
    service = fields.String(required=True)
    version = fields.String(required=True)


class Deployed(Message):
    deployment = fields.Nested(DeployedAnswer, required=True)


class DeployFailed(StrictSchema):
    """A work that failed, with the deployment as it is now."""

    success = fields.Constant(False, required=True)
    errors = fields.List(fields.String(), required=True)
    deployment = fields.Nested(DeployedAnswer)


class Listed(Success):
    deployments = fields.List(fields.Nested(ListedAnswer), required=True)


class Shown(Success):
    deployment = fields.Nested(ShownAnswer, required=True)


class Logs(Success):
    logs = fields.String(required=True)


class RuntimeLineAnswer(StrictSchema):
    at = LineMoment(required=True)
    stream = fields.String(required=True)
    text = fields.String(required=True)


class RuntimeLogs(Success):
    logs = fields.List(fields.Nested(RuntimeLineAnswer), required=True)


class DifferenceAnswer(StrictSchema):
    """One thing that is not as the platform has it, such as memory, node or power."""

    name = fields.String(required=True)
    wanted = fields.String(required=True)
    found = fields.String(required=True)


class DriftAnswer(StrictSchema):
    """How the guest differs; ``differences`` is empty when it does not."""

    target = fields.String(required=True)
    vmid = fields.Integer(required=True, allow_none=True)
    node = fields.String(required=True)
    differences = fields.List(fields.Nested(DifferenceAnswer), required=True)


class Drifted(Success):
    drift = fields.Nested(DriftAnswer, required=True)


class FrameworkAnswer(StrictSchema):
    name = fields.String(required=True)
    language = fields.String(required=True)
    version = fields.String(required=True)
    port = fields.Integer(required=True)
    install_cmd = fields.String(required=True)


class Frameworks(Success):
    frameworks = fields.Dict(fields.String(), fields.Nested(FrameworkAnswer), required=True)


class StatsAnswer(StrictSchema):
    """Over the deployments that are not deleted; the rate is running of total, in percent."""

    total_deployments = fields.Integer(required=True, attribute="total")
    running_deployments = fields.Integer(required=True, attribute="running")
    failed_deployments = fields.Integer(required=True, attribute="failed")
    success_rate = fields.Float(required=True)


class Stats(Success):
    stats = fields.Nested(StatsAnswer, required=True)
