"""Which steps each kind of operation has."""

from collections.abc import Mapping

from paas.domain.states import OperationKind
from paas.engine import deploy, destroy, drift, power
from paas.engine.steps import Plan

PLANS: Mapping[OperationKind, Plan] = {
    OperationKind.DEPLOY: deploy.PLAN,
    OperationKind.REDEPLOY: deploy.PLAN,
    OperationKind.STOP: power.STOP,
    OperationKind.SHUTDOWN: power.SHUTDOWN,
    OperationKind.START: power.START,
    OperationKind.RESTART: power.RESTART,
    OperationKind.ADOPT: drift.ADOPT,
    OperationKind.REPAIR: drift.REPAIR,
    OperationKind.DESTROY: destroy.PLAN,
}

STEP_TOTALS: dict[str, int] = {kind: len(plan.steps) for kind, plan in PLANS.items()}
