"""Worker nodes: what is asked of them and how they are shown."""

from typing import Any

from marshmallow import fields, post_load, validate

from paas.api import rules
from paas.api.answers import Amount, Moment
from paas.api.loading import StrictSchema
from paas.domain.nodes import WorkerSpec

NAME = "Invalid name. Must be the name of a node: letters, digits, dots and dashes"
ADDRESS = "Invalid ip_address. Must be the address of the host"
PORT = "Invalid ssh_port. Must be 1-65535"
USER = "Invalid ssh_user. Must be the name of a user"
KEY = "Invalid ssh_key. Must be a private key, at most 16384 characters"
HOST_KEY = "Invalid ssh_host_key. Must be a host key such as ssh-ed25519 AAAA..."
PROVISION = "Invalid auto_provision. Must be true or false"
ACCESS = "Invalid api_token. Must be user@realm!name=secret"
FINGERPRINT = "Invalid fingerprint. Must be the SHA-256 of the host's certificate, in hexadecimal"
AUTHORITY = "Invalid ca. Must be a certificate in PEM, at most 32768 characters"


def _lines(sentence: str, most: int, description: str) -> fields.String:
    """Text of several lines."""
    return fields.String(
        load_default="",
        validate=validate.Length(max=most, error=sentence),
        error_messages=rules.one_sentence(sentence),
        metadata={"description": description, "maxLength": most},
    )


class WorkerBody(StrictSchema):
    """A node to add, loaded into a ``WorkerSpec``."""

    name = rules.text(
        NAME,
        r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$",
        required=True,
        metadata={"description": "A node of a known cluster, or a name for a host of its own"},
    )
    ip_address = rules.text(ADDRESS, r"^[0-9A-Fa-f:.]{0,45}$", load_default="")
    ssh_port = rules.whole_number(PORT, 1, 65535, load_default=22)
    ssh_user = rules.text(USER, r"^[a-z_][a-z0-9_-]{0,31}$", load_default="root")
    ssh_key = _lines(KEY, 16384, "Used once, for auto_provision, and kept nowhere")
    ssh_host_key = rules.text(
        HOST_KEY,
        r"^([a-z0-9-]{1,64} [A-Za-z0-9+/=]{1,1024})?$",
        load_default="",
        metadata={"description": "Whom SSH must meet; without it the first answer is believed"},
    )
    auto_provision = rules.Truth(PROVISION, load_default=False)
    api_token = rules.text(
        ACCESS,
        r"^[!-~]{0,300}$",
        load_default="",
        metadata={"description": "In place of auto_provision: a token that is there already"},
    )
    fingerprint = rules.text(
        FINGERPRINT,
        r"^[0-9A-Fa-f:]{0,95}$",
        load_default="",
        metadata={"description": "Belongs to api_token: by what the host is known"},
    )
    ca = _lines(AUTHORITY, 32768, "In place of fingerprint: who vouches for the host")

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> WorkerSpec:
        return WorkerSpec(**data)


class RoomRow(StrictSchema):
    total = Amount(required=True)
    used = Amount(required=True)
    available = Amount(required=True)


class WorkerRow(StrictSchema):
    """A node: processors and MB of memory; ``containers`` are all guests that stand there."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": ["active", "draining", "offline"]})
    cpu = fields.Nested(RoomRow, required=True)
    ram = fields.Nested(RoomRow, required=True)
    containers = fields.Integer(required=True, attribute="guests")
    last_heartbeat = Moment(
        required=True, allow_none=True, data_key="lastHeartbeat", attribute="seen_at"
    )


class WorkerList(StrictSchema):
    workers = fields.List(fields.Nested(WorkerRow), required=True)


class WorkerAdded(StrictSchema):
    """The node; ``notes`` say what it still lacks."""

    worker = fields.Nested(WorkerRow, required=True)
    notes = fields.List(fields.String(), required=True)


class WorkerLeaving(StrictSchema):
    """What became of the node; ``containers`` are the guests of ours that are still on it."""

    message = fields.String(required=True)
    containers = fields.Integer(required=True)


class SwarmShown(StrictSchema):
    message = fields.String(required=True)
    manager_ip = fields.String(required=True, data_key="managerIp")
