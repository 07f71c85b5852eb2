"""The states of things, and the words that each documented API has for them."""

from enum import StrEnum


class AppState(StrEnum):
    """What an app is doing, as document 001 names it; INACTIVE and SUSPENDED are document 000's.

    An INACTIVE app was never deployed; a SUSPENDED one was taken from serving by an administrator.
    """

    INACTIVE = "inactive"
    PENDING = "pending"
    PROVISIONING = "provisioning"
    DEPLOYING = "deploying"
    RUNNING = "running"
    FAILED = "failed"
    STOPPED = "stopped"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class DeploymentState(StrEnum):
    """What became of one attempt to bring a release live."""

    PENDING = "pending"
    BUILDING = "building"
    DEPLOYED = "deployed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class GuestState(StrEnum):
    """Whether a guest may exist: RESERVED rows may or may not have one, GONE rows must not."""

    RESERVED = "reserved"
    PRESENT = "present"
    GONE = "gone"


class OperationKind(StrEnum):
    """The long works that the engine knows."""

    DEPLOY = "deploy"
    REDEPLOY = "redeploy"
    STOP = "stop"
    START = "start"
    SHUTDOWN = "shutdown"
    RESTART = "restart"
    SCALE = "scale"
    ROLLBACK = "rollback"
    SUSPEND = "suspend"
    RESUME = "resume"
    ADOPT = "adopt"
    REPAIR = "repair"
    DESTROY = "destroy"


class OperationState(StrEnum):
    """The life of an operation: the first three are active, the rest are final."""

    QUEUED = "queued"
    RUNNING = "running"
    UNWINDING = "unwinding"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE_OPERATION_STATES = (
    OperationState.QUEUED,
    OperationState.RUNNING,
    OperationState.UNWINDING,
)


class StepState(StrEnum):
    """The record of a step: STARTED without DONE means that it must be looked at again."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"


class GuestType(StrEnum):
    """What the user asked for; target ``local`` maps both to a sandbox."""

    VM = "vm"
    LXC = "lxc"


# Document 001 has no word for these two; its clients see what they would make of them.
WORDS_OF_001: dict[AppState, AppState] = {
    AppState.INACTIVE: AppState.PENDING,
    AppState.SUSPENDED: AppState.STOPPED,
}

WORDS_OF_000: dict[AppState, str] = {
    AppState.INACTIVE: "inactive",
    AppState.PENDING: "deploying",
    AppState.PROVISIONING: "deploying",
    AppState.DEPLOYING: "deploying",
    AppState.RUNNING: "running",
    AppState.STOPPED: "stopped",
    AppState.SUSPENDED: "suspended",
    AppState.FAILED: "failed",
    AppState.DELETED: "deleted",
}

ATTEMPT_WORDS_OF_000: dict[DeploymentState, str] = {
    DeploymentState.PENDING: "pending",
    DeploymentState.BUILDING: "building",
    DeploymentState.DEPLOYED: "deployed",
    DeploymentState.FAILED: "failed",
    DeploymentState.CANCELLED: "failed",
}
