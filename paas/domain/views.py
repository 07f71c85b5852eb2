"""What goes out of the services: frozen, never a row of the database."""

from dataclasses import dataclass
from datetime import datetime

from paas.domain.specs import Resources
from paas.domain.states import AppState, DeploymentState


@dataclass(frozen=True)
class StepView:
    """The running or last step: ``index`` of ``total``, from 1; ``seconds`` it took or has run."""

    name: str
    state: str
    index: int
    total: int
    seconds: float


@dataclass(frozen=True)
class ReplicaView:
    """One of the guests of an app; ``slot`` counts from 1, ``state`` is ``present`` when made."""

    slot: int
    node: str
    vmid: int
    address: str | None
    state: str


@dataclass(frozen=True)
class AppView:
    """An app with its first guest. ``access_url`` is None until it has an address that serves.

    ``operation`` is the kind of the active operation, or None; ``step`` its running step.
    ``node`` is the machine that the guest is on. ``subdomain`` is the label under which the edge
    knows the app, ``replicas`` how many guests are wanted; ``tenant`` is its
    owner's slug in lists over all tenants.
    ``cpu_cores`` may be a fraction. Times are UTC.
    """

    id: str
    name: str
    guest_type: str
    framework: str
    repository: str
    branch: str | None
    resources: Resources
    state: AppState
    created_at: datetime
    deployed_at: datetime | None
    address: str | None
    port: int
    vmid: int | None
    access_url: str | None
    error_message: str | None
    sha: str | None
    release: int | None
    operation: str | None
    step: StepView | None
    node: str | None = None
    slug: str = ""
    subdomain: str = ""
    replicas: int = 1
    plan_id: str | None = None
    plan_name: str | None = None
    buildpack: str | None = None
    auto_deploy: bool = False
    updated_at: datetime | None = None
    tenant: str = ""
    cpu_cores: float = 1.0
    guests: tuple[ReplicaView, ...] = ()
    built_as: str = ""
    """The framework of the release that serves, also where the repository decides on it."""


@dataclass(frozen=True)
class DeploymentView:
    """One attempt to bring a release live; ``version`` is its release's number, once it has one.

    The build is what happens from the fetch to the installed release.
    """

    id: str
    version: int | None
    git_commit: str | None
    state: DeploymentState
    triggered_by: str
    error_message: str | None
    created_at: datetime
    build_started_at: datetime | None
    build_completed_at: datetime | None
    deployed_at: datetime | None


@dataclass(frozen=True)
class AttemptPage:
    """Attempts newest first; ``next_cursor`` is None on the last page."""

    attempts: tuple[DeploymentView, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class SettingChange:
    """A setting of an app that would be another one; texts are empty where there is none."""

    name: str
    now: str
    then: str


@dataclass(frozen=True)
class RollbackView:
    """What going back to a version would change of an app, never with a variable's value.

    ``serves`` is the version that serves now, None for none. ``refusal`` says why it cannot be
    done; ``migrated`` why it needs force; both are empty otherwise.
    """

    version: int
    serves: int | None
    commit_now: str | None
    commit_then: str
    settings: tuple[SettingChange, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    ends_auto_deploy: bool
    refusal: str
    migrated: str


@dataclass(frozen=True)
class VariableView:
    """An environment variable without its value; a system one was made by the platform."""

    id: str
    key: str
    is_system: bool
    created_at: datetime


@dataclass(frozen=True)
class OperationView:
    """A long work as a caller sees it; ``error`` is a sentence or None.

    ``app`` is the app in the moment when this work was accepted, and None ever after.
    """

    id: str
    app_id: str
    kind: str
    state: str
    error: str | None
    steps: tuple[StepView, ...]
    created_at: datetime
    finished_at: datetime | None
    app: AppView | None = None


@dataclass(frozen=True)
class EventView:
    """One entry of an app's stream. ``seq`` counts from 1 per app without gaps in order.

    ``kind`` is ``status``, ``step`` or ``log``. For ``log`` the text is a line and ``stream``
    its source (platform, git, terraform, ansible, health); for ``step`` the stream is the
    step's name and the text its state; for ``status`` the text is the app's state.
    """

    seq: int
    kind: str
    stream: str
    text: str
    at: datetime


@dataclass(frozen=True)
class StatsView:
    """Totals over the apps that are not deleted; ``success_rate`` in percent, one decimal."""

    total: int
    running: int
    failed: int
    success_rate: float


@dataclass(frozen=True)
class Page:
    """Apps newest first; ``next_cursor`` is None on the last page."""

    apps: tuple[AppView, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class HealthView:
    """What ``/health`` says."""

    status: str
    service: str
    version: str


@dataclass(frozen=True)
class Difference:
    """One thing that is not as the platform's row has it; ``name`` is such as memory or node."""

    name: str
    wanted: str
    found: str


@dataclass(frozen=True)
class DriftView:
    """How a guest differs from its row, as the target sees it now; empty when it does not."""

    app_id: str
    target: str
    vmid: int | None
    node: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class StrayView:
    """A guest where ours live that no row speaks for, or whose row says that it must be gone.

    ``kind`` is ``unknown`` (our marker, no row), ``leftover`` (its row says gone), ``foreign``
    (another's within our range), ``copy`` (our marker on a guest with another number),
    ``missing`` (a row without a guest). ``says`` is a sentence, ``mend`` what to do.
    """

    kind: str
    endpoint: str
    vmid: int
    node: str
    name: str
    says: str
    mend: str
