"""What upkeep takes and answers."""

from marshmallow import fields

from paas.api import rules
from paas.api.envelopes import Message, Success
from paas.api.loading import StrictSchema
from paas.domain.states import AppState

ENDPOINT = "Invalid endpoint. Must be the name of one, as the report has it"


class StrayBody(StrictSchema):
    """Which of several clusters or hosts has the guest; not needed when there is one."""

    endpoint = rules.text(
        ENDPOINT,
        r"^[!-~]{1,64}$",
        load_default="",
        metadata={"description": "The endpoint, where several have a guest of that number"},
    )


class StrayAnswer(StrictSchema):
    """A guest that no deployment speaks for, or a deployment whose guest is not there.

    ``says`` is a sentence, ``mend`` the command to run, or empty.
    """

    kind = fields.String(
        required=True, metadata={"enum": ["unknown", "leftover", "foreign", "missing"]}
    )
    endpoint = fields.String(required=True)
    vmid = fields.Integer(required=True)
    node = fields.String(required=True)
    name = fields.String(required=True)
    says = fields.String(required=True)
    mend = fields.String(required=True)


class Report(Success):
    guests = fields.List(fields.Nested(StrayAnswer), required=True)


class AdoptedAnswer(StrictSchema):
    """The deployment that a guest has become."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    status = fields.Enum(AppState, by_value=True, required=True, attribute="state")


class Adopted(Message):
    deployment = fields.Nested(AdoptedAnswer, required=True)


class Removed(Message):
    guest = fields.Nested(StrayAnswer, required=True)
