"""Values as people read them: the filters and tables of the templates."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from paas.domain.states import AppState, OperationKind
from paas.domain.views import AppView, StatsView
from paas.engine.pausing import WAITING

STATE_WORDS = {
    AppState.INACTIVE: "not deployed yet",
    AppState.PENDING: "waiting",
    AppState.PROVISIONING: "making its guest",
    AppState.DEPLOYING: "deploying",
    AppState.RUNNING: "running",
    AppState.FAILED: "failed",
    AppState.STOPPED: "stopped",
    AppState.SUSPENDED: "suspended",
    AppState.DELETED: "destroyed",
}

# Four looks for nine states: icon and colour follow the look, the word follows the state.
STATE_LOOKS = {
    AppState.INACTIVE: "idle",
    AppState.PENDING: "busy",
    AppState.PROVISIONING: "busy",
    AppState.DEPLOYING: "busy",
    AppState.RUNNING: "running",
    AppState.FAILED: "failed",
    AppState.STOPPED: "idle",
    AppState.SUSPENDED: "idle",
    AppState.DELETED: "idle",
}

STEP_WORDS = {
    "fetch": "Fetch the source",
    "reserve": "Reserve a place",
    "provision": "Make the guest",
    "connect": "Reach the guest",
    "snapshot": "Keep the guest as it is",
    "configure": "Install the app",
    "check": "Check that it answers",
    "switch": "Switch to the new release",
    "verify": "See what it serves",
    "finish": "Finish",
    "restore": "Find the earlier version",
    "resize": "Look at the replicas",
    "drain": "Let the leaving ones end",
    "shrink": "Remove replicas",
    "halt": "Stop the app",
    "start": "Start the app",
    "shutdown": "Shut the app down",
    "restart": "Restart the app",
    "look": "Look at the guest",
    "agree": "Take it as it is",
    "demand": "Find the guest",
    "revive": "Bring it back",
    "destroy": "Destroy the guest",
    "forget": "Remove its releases",
}

OPERATION_WORDS = {
    OperationKind.DEPLOY: "deploying",
    OperationKind.REDEPLOY: "redeploying",
    OperationKind.STOP: "stopping",
    OperationKind.START: "starting",
    OperationKind.SHUTDOWN: "shutting down",
    OperationKind.RESTART: "restarting",
    OperationKind.SCALE: "scaling",
    OperationKind.ROLLBACK: "rolling back",
    OperationKind.SUSPEND: "suspending",
    OperationKind.RESUME: "resuming",
    OperationKind.ADOPT: "taking its guest as it is",
    OperationKind.REPAIR: "repairing its guest",
    OperationKind.DESTROY: "being destroyed",
}

SCOPE_WORDS = (
    ("apps:read", "see apps"),
    ("apps:write", "make, change and delete apps"),
    ("apps:deploy", "deploy, scale, stop and start apps"),
    ("env:write", "change environment variables"),
    ("logs:read", "read logs"),
    ("state:read", "download Terraform states"),
    ("plans:read", "see plans"),
    ("usage:read", "see usage and cost"),
    ("account", "see your account"),
    ("tenant:read", "see the team"),
    ("tenant:write", "look after the team"),
    ("admin:read", "see all of the platform"),
    ("admin:write", "administer the platform"),
)

TARGET_WORDS = {
    "local": "this machine",
    "proxmox_lxc": "a container of Proxmox",
    "proxmox_vm": "a virtual machine of Proxmox",
}

FILTER_STATES = tuple(state for state in AppState if state is not AppState.DELETED)

WINDOWS = 48

_UNITS = ((86400 * 365, "y"), (86400 * 30, "mo"), (86400, "d"), (3600, "h"), (60, "min"))


def age(moment: datetime, now: datetime | None = None) -> str:
    """How long ago, in its largest unit: ``just now``, ``4 min``, ``3 h``, ``12 d``."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def duration(seconds: float) -> str:
    """A time it took: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``1 h 02 min``."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def iso(moment: datetime) -> str:
    """The moment for ``<time datetime>``: UTC, whole seconds, with a Z."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def date(moment: datetime) -> str:
    """The day of a moment, in UTC."""
    return iso(moment)[:10]


def hour(moment: datetime) -> str:
    """The hour of a moment, in UTC."""
    return f"{iso(moment)[:10]} {iso(moment)[11:16]}"


def money(amount: Decimal) -> str:
    """An amount without a currency, which is the operator's; small ones with more decimals."""
    return f"{amount:,.2f}" if amount >= 1 or not amount else f"{amount:.4f}"


def repository_name(url: str) -> str:
    """``owner/repo`` of a repository's URL, or the URL without its scheme."""
    path = url.removeprefix("https://").removeprefix("http://").removesuffix("/")
    return path.removeprefix("github.com/").removesuffix(".git")


def size(megabytes: int) -> str:
    """Memory as people say it: ``512 MB``, ``2 GB``, ``1.5 GB``."""
    if megabytes < 1024:
        return f"{megabytes} MB"
    return f"{megabytes / 1024:.1f}".removesuffix(".0") + " GB"


def look(state: AppState, operation: str | None = None) -> str:
    """The look of an app: an app on which something works is busy, whatever its state."""
    return "busy" if operation and state is not AppState.DELETED else STATE_LOOKS[state]


def word(state: AppState, operation: str | None = None) -> str:
    """The word for an app: what is done to it, else its state."""
    if state is AppState.DELETED or not operation:
        return STATE_WORDS[state]
    if operation == OperationKind.DEPLOY:
        return STATE_WORDS[state]
    return OPERATION_WORDS.get(OperationKind(operation), operation)


def link(url: str) -> str:
    """The URL if a link may lead there; anything but https leads nowhere."""
    return url if url.startswith("https://") else "#"


def stream_class(stream: str) -> str:
    """The class that colours a source of log lines."""
    return f"s-{stream}" if stream.isascii() and stream.isalpha() else "s-other"


def state_word(state: AppState) -> str:
    """The word for a state alone."""
    return STATE_WORDS[state]


def step_words(name: str) -> str:
    """What a step does, and for which replica; its name when there are no words for it."""
    plain, _, slot = name.partition("@")
    words = STEP_WORDS.get(plain, plain)
    return f"{words} (replica {slot})" if slot else words


def target_words(name: str) -> str:
    """Where a guest lives, or the target's name when there are no words for it."""
    return TARGET_WORDS.get(name, name)


def waits_for(app: AppView) -> str:
    """What a busy app waits for outside of the platform; nothing when it waits for nothing."""
    told = app.error_message or ""
    return told if app.operation and told.startswith(WAITING) else ""


def windows(totals: StatsView) -> list[str]:
    """The looks of a row of windows: one for each deployment, or their shares when too many.

    Whatever there is has at least one window, so that one failure among thousands is seen.
    """
    counts = {
        "running": totals.running,
        "idle": max(totals.total - totals.running - totals.failed, 0),
        "failed": totals.failed,
    }
    if totals.total <= WINDOWS:
        return [look for look, count in counts.items() for _ in range(count)]
    parts = {k: max(round(WINDOWS * n / totals.total), 1) for k, n in counts.items() if n}
    parts[max(parts, key=parts.__getitem__)] += WINDOWS - sum(parts.values())
    return [look for look, part in parts.items() for _ in range(part)]


FILTERS: dict[str, Callable[..., object]] = {
    "age": age,
    "date": date,
    "duration": duration,
    "hour": hour,
    "iso": iso,
    "link": link,
    "look": look,
    "money": money,
    "repository_name": repository_name,
    "size": size,
    "state_word": state_word,
    "step_words": step_words,
    "stream_class": stream_class,
    "target_words": target_words,
    "waits_for": waits_for,
    "windows": windows,
    "word": word,
}
