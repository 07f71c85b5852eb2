"""Worker nodes, and the cluster that they are in."""

from flask import Blueprint, Response

from paas.api.context import platform
from paas.api.loading import load_body
from paas.api.operations import Answer, Operation, documented
from paas.api.paas import envelope, examples
from paas.api.paas.auth import actor
from paas.api.paas.schemas.workers import (
    SwarmShown,
    WorkerAdded,
    WorkerBody,
    WorkerLeaving,
    WorkerList,
)
from paas.api.paths import UUID
from paas.services import nodes

WORKER = {
    "worker_id": {
        "type": "string",
        "format": "uuid",
        "pattern": UUID,
        "description": "The id of the worker",
        "example": examples.OTHER_ID,
    }
}
SHOWN = {
    "id": examples.OTHER_ID,
    "name": "worker-1",
    "status": "active",
    "cpu": {"total": 4, "used": 2.5, "available": 1.5},
    "ram": {"total": 8192, "used": 4096, "available": 4096},
    "containers": 12,
    "lastHeartbeat": "2025-11-09T10:30:00Z",
}
NEW = {
    "name": "worker-2",
    "ip_address": "192.168.1.102",
    "ssh_port": 22,
    "ssh_user": "root",
    "ssh_key": "-----BEGIN OPENSSH PRIVATE KEY-----\n...",
    "auto_provision": True,
}
DRAINING = {
    "message": (
        "Worker worker-1 is draining: 3 guests left. It takes no new ones, and is removed when "
        "the last has left"
    ),
    "containers": 3,
}
SWARM = {"message": "Swarm initialized", "managerIp": "192.168.1.100"}


@documented(
    Operation(
        "admin",
        "List worker nodes",
        {200: Answer("The nodes", (WorkerList,), {"workers": [SHOWN]})},
        description=(
            "Nodes of Proxmox, or on target local the host itself. `cpu` is in processors, `ram` "
            "in MB; the figures are the cluster's own and a minute old at most. `containers` are "
            "all guests that stand there, VMs too, whoever made them."
        ),
    )
)
def listed() -> Response:
    """The nodes."""
    return envelope.success(WorkerList, workers=nodes.listing(platform(), actor()))


@documented(
    Operation(
        "admin",
        "Add a worker node",
        {
            201: Answer(
                "Guests are made there from now on",
                (WorkerAdded,),
                {"worker": SHOWN | {"name": "worker-2"}, "notes": []},
            )
        },
        refusals=(400, 409, 503),
        description=(
            "A node of a known cluster needs its `name` alone. A host of its own is reached at "
            "https://ip_address:8006, with `api_token` and `fingerprint` or `ca`, or with "
            "`auto_provision`: `ssh_key` is then used once, to make role, pool, user, token and "
            "template there, and kept nowhere. That takes two minutes at most and may be "
            "repeated. `notes` say what the node still lacks."
        ),
        body=lambda _: WorkerBody(),
        body_example=NEW,
    )
)
def add() -> Response:
    """Add a node."""
    added = nodes.add(platform(), actor(), load_body(WorkerBody()))
    return envelope.success(WorkerAdded, 201, worker=added.node, notes=added.notes)


@documented(
    Operation(
        "admin",
        "Remove a worker node",
        {200: Answer("It takes no new guests", (WorkerLeaving,), DRAINING)},
        refusals=(404,),
        description=(
            "A node with guests of ours is drained: nothing new comes, and it is removed with the "
            "last of them. They leave by redeploying or scaling their applications, or when "
            "somebody migrates them, which the platform follows."
        ),
        path=WORKER,
    )
)
def remove(worker_id: str) -> Response:
    """Drain a node, or remove it."""
    left = nodes.remove(platform(), actor(), worker_id)
    return envelope.success(WorkerLeaving, message=left.message, containers=left.guests)


@documented(
    Operation(
        "admin",
        "Initialize the Swarm",
        {200: Answer("The cluster is connected", (SwarmShown,), SWARM)},
        refusals=(409, 503),
        description=(
            "Checks version, rights and quorum of the cluster in the settings, and registers its "
            "nodes. `managerIp` is the node that the platform speaks to. Safe to repeat."
        ),
    )
)
def swarm_init() -> Response:
    """Connect the cluster."""
    swarm = nodes.swarm_init(platform(), actor())
    return envelope.success(SwarmShown, message=swarm.message, manager_ip=swarm.manager_ip)


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/api/admin/paas/workers"
    blueprint.add_url_rule(path, "workers", listed)
    blueprint.add_url_rule(path, "add_worker", add, methods=["POST"])
    blueprint.add_url_rule(f"{path}/<worker_id>", "remove_worker", remove, methods=["DELETE"])
    blueprint.add_url_rule("/api/admin/paas/swarm/init", "swarm_init", swarm_init, methods=["POST"])
