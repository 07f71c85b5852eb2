"""Things for tests, made with what a test does not care about filled in."""

import random
from itertools import count

from sqlalchemy.orm import Session

from paas.domain.permissions import ALL, Role
from paas.domain.specs import Actor, BuildPlan, DeploySpec, Resources
from paas.domain.states import GuestType
from paas.store import apps
from paas.store.models import App, Operation
from paas.targets.contract import Reserved, Wanted

_numbers = count(1)
ACTOR = Actor(tenant_id=1, permissions=ALL, role=Role.ADMIN)


def deploy_spec(**changes: object) -> DeploySpec:
    values: dict[str, object] = {
        "name": f"shop-{next(_numbers)}",
        "guest_type": GuestType.LXC,
        "framework": "static",
        "repository": "https://github.com/samples/static",
        "resources": Resources(1, 256, 5),
        # A program of this machine that listens on every address must not be in the way.
        "port": random.randint(10_000, 19_999),
    }
    return DeploySpec(**{**values, **changes})  # type: ignore[arg-type]


def build_plan(**changes: object) -> BuildPlan:
    values: dict[str, object] = {
        "framework": "static",
        "runtime": "static",
        "runtime_version": None,
        "root": "",
        "install": (),
        "kept": (),
        "dependencies_hash": "none",
        "build": (),
        "release": (),
        "start": "true",
        "document_root": "",
        "health_path": "/",
        "environment": {},
        "reasons": (),
    }
    return BuildPlan(**{**values, **changes})  # type: ignore[arg-type]


def wanted(index: int, port: int = 8000) -> Wanted:
    return Wanted(index, port, Resources(1, 256, 5))


def reserved_at(address: str, **changes: object) -> Reserved:
    values: dict[str, object] = {
        "endpoint": "local",
        "node": "here",
        "address": address,
        "resources": Resources(1, 256, 5),
        "vmid": 100_000,
        "is_present": True,
    }
    return Reserved(**{**values, **changes})  # type: ignore[arg-type]


def app_row(session: Session, **changes: object) -> App:
    name = f"shop-{next(_numbers)}"
    values: dict[str, object] = {
        "tenant_id": 1,
        "name": name,
        "slug": name,
        "hostname": name,
        "guest_type": "lxc",
        "framework": "static",
        "repository": "https://github.com/samples/static",
        "cores": 1,
        "memory": 256,
        "disk": 5,
        "port": 8000,
        "environment": b"",
        "state": "pending",
    }
    return session.get_one(App, apps.add(session, {**values, **changes}))


def operation_row(session: Session, app: App, **changes: object) -> Operation:
    values: dict[str, object] = {
        "tenant_id": app.tenant_id,
        "app_id": app.id,
        "kind": "deploy",
        "prior_state": app.state,
    }
    operation = Operation(**{**values, **changes})
    session.add(operation)
    session.flush()
    return operation
