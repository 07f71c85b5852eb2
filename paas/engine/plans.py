"""Which steps each kind of operation has."""

from collections.abc import Mapping
from typing import Any

from paas.domain.states import OperationKind
from paas.engine import deploy, destroy, drift, power, rollback, scale
from paas.engine.steps import Plan, slots_of

PLANS: Mapping[OperationKind, Plan] = {
    OperationKind.DEPLOY: deploy.PLAN,
    OperationKind.REDEPLOY: deploy.PLAN,
    OperationKind.STOP: power.STOP,
    OperationKind.SHUTDOWN: power.SHUTDOWN,
    OperationKind.START: power.START,
    OperationKind.RESTART: power.RESTART,
    OperationKind.SCALE: scale.PLAN,
    OperationKind.ROLLBACK: rollback.PLAN,
    OperationKind.SUSPEND: power.SUSPEND,
    OperationKind.RESUME: power.RESUME,
    OperationKind.ADOPT: drift.ADOPT,
    OperationKind.REPAIR: drift.REPAIR,
    OperationKind.DESTROY: destroy.PLAN,
}


def steps_total(kind: str, options: Mapping[str, Any]) -> int:
    """How many steps an operation of this kind has."""
    return len(PLANS[OperationKind(kind)].over(slots_of(options)))
