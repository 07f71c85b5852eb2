"""The bodies that document 001 takes, and every rule about them with its sentence."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields, post_load, validates_schema

from paas.api import rules, variables
from paas.api.loading import StrictSchema, check
from paas.domain.specs import DeploySpec, Resources
from paas.domain.states import GuestType
from paas.services import frameworks

if TYPE_CHECKING:
    from paas.engine.platform import Platform

NAME = (
    "Invalid name. Must be 3-50 letters, digits, dashes and underscores, beginning and ending "
    "with a letter or digit"
)
TYPE = "Invalid deployment_type. Must be 'vm' or 'lxc'"
URL = "Invalid GitHub URL"
URL_TOLD = "`https://github.com/owner/repo`, or a repository of a host in `PAAS_GIT_HOSTS`"
FRAMEWORK = "Invalid framework. Must be one of: {}"
RESOURCES = "Invalid resources. Must be an object with cores, memory and disk"
CORES = "Invalid resources.cores. Must be a whole number, 1-16 for VM, 1-8 for LXC"
MEMORY = (
    "Invalid resources.memory. Must be a whole number, 512-32768 MB for VM, 256-16384 MB for LXC"
)
DISK = "Invalid resources.disk. Must be a whole number, 10-500 GB for VM, 5-200 GB for LXC"
BRANCH = "Invalid branch. Must be the name of a git branch, at most 200 characters"
REF = "Invalid ref. Must be a git branch, tag or commit, at most 200 characters"
START = "Invalid start_command. Must be one line of printable text, at most 1000 characters"
HEALTH = "Invalid health_path. Must begin with / and have no blanks, at most 200 characters"
PORT = "Invalid port. Must be a whole number, 1024-65535"
REPLICAS = "Invalid replicas. An app runs as 1 replica"
ADOPT, REPAIR = "adopt", "repair"
VARIABLES = variables.Rules("environment", 16_384)

LIMITS: dict[str, dict[str, tuple[int, int]]] = {
    "vm": {"cores": (1, 16), "memory": (512, 32768), "disk": (10, 500)},
    "lxc": {"cores": (1, 8), "memory": (256, 16384), "disk": (5, 200)},
}
LIMIT_SENTENCES = {"cores": CORES, "memory": MEMORY, "disk": DISK}


def _bounds(limits: Mapping[str, tuple[int, int]]) -> dict[str, dict[str, int]]:
    return {name: {"minimum": low, "maximum": high} for name, (low, high) in limits.items()}


class ResourcesBody(StrictSchema):
    """Cores as a count, memory in MB, disk in GB; a VM and a container have other limits."""

    error_messages = {"type": RESOURCES}

    cores = rules.whole_number(
        CORES, 1, 16, required=True, metadata={"description": "1-16 for VM, 1-8 for LXC"}
    )
    memory = rules.whole_number(
        MEMORY,
        256,
        32768,
        required=True,
        metadata={"description": "In MB: 512-32768 for VM, 256-16384 for LXC"},
    )
    disk = rules.whole_number(
        DISK,
        5,
        500,
        required=True,
        metadata={"description": "In GB: 10-500 for VM, 5-200 for LXC"},
    )


class DeployBody(StrictSchema):
    """The body of ``POST /api/deploy``, loaded into a ``DeploySpec``."""

    together = tuple(
        {
            "if": {"properties": {"deployment_type": {"const": kind}}},
            "then": {"properties": {"resources": {"properties": _bounds(limits)}}},
        }
        for kind, limits in LIMITS.items()
    )

    name = rules.text(
        NAME,
        rules.NAME,
        required=True,
        metadata={"description": "3-50 letters, digits, dashes and underscores"},
    )
    deployment_type = rules.choice(TYPE, tuple(LIMITS), required=True)
    framework = fields.String(required=True)
    github_url = fields.String(
        required=True,
        error_messages=rules.one_sentence(URL),
        metadata={"pattern": rules.GITHUB_URL, "description": URL_TOLD},
    )
    resources = fields.Nested(ResourcesBody, error_messages=rules.one_sentence(RESOURCES))
    branch = rules.git_ref(BRANCH, "The branch to follow; without it the repository's own")
    ref = rules.git_ref(REF, "The branch, tag or commit to deploy now")
    environment = variables.field(VARIABLES, "Variables of the app's environment, kept encrypted")
    start_command = rules.printable(
        START,
        1000,
        metadata={"description": "How the app starts; without it the repository's own way"},
    )
    health_path = rules.text(
        HEALTH,
        rules.HEALTH_PATH,
        metadata={"description": "The path that answers below 500 when the app is well"},
    )
    port = rules.whole_number(
        PORT, 1024, 65535, metadata={"description": "Where the app answers at its address"}
    )
    replicas = rules.whole_number(REPLICAS, 1, 1)

    def __init__(self, names: Sequence[str] = (), git_hosts: tuple[str, ...] = ()) -> None:
        """``names`` are the frameworks that there are; ``git_hosts`` serve beside github.com."""
        super().__init__()
        self._git_hosts = git_hosts
        self._names = sorted(names)
        sentence = FRAMEWORK.format(", ".join(self._names))
        # Fields are copied for each schema, but shallowly: what they hold is replaced.
        self.fields["framework"].error_messages = rules.one_sentence(sentence)
        self.fields["framework"].metadata = {"enum": self._names}
        if git_hosts:
            self.fields["github_url"].metadata = {"format": "uri", "description": URL_TOLD}

    @validates_schema(skip_on_field_errors=False)
    def _check_together(self, data: dict[str, Any], **_: Any) -> None:
        errors: dict[str, Any] = {}
        if "framework" in data and data["framework"] not in self._names:
            errors["framework"] = [self.fields["framework"].error_messages["required"]]
        if "github_url" in data:
            url = rules.repository_url(data["github_url"], self._git_hosts)
            errors |= {"github_url": [URL]} if url is None else {}
        over = _over_limits(data.get("deployment_type"), data.get("resources") or {})
        if over:
            errors["resources"] = over
        if errors:
            raise ValidationError(errors)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> DeploySpec:
        resources = data.get("resources")
        return DeploySpec(
            name=data["name"],
            guest_type=GuestType(data["deployment_type"]),
            framework=data["framework"],
            repository=rules.repository_url(data["github_url"], self._git_hosts) or "",
            resources=Resources(**resources) if resources else None,
            branch=data.get("branch"),
            ref=data.get("ref"),
            environment=data.get("environment", {}),
            start_command=data.get("start_command"),
            health_path=data.get("health_path"),
            port=data.get("port"),
        )


def _over_limits(guest_type: str | None, resources: Mapping[str, int]) -> dict[str, list[str]]:
    """The sentences for what this type does not allow; an unknown type has no limits."""
    limits = LIMITS.get(guest_type or "", {})
    return {
        name: [LIMIT_SENTENCES[name]]
        for name, (low, high) in limits.items()
        if name in resources and not low <= resources[name] <= high
    }


class RedeployBody(StrictSchema):
    """Which commit a redeploy brings; without one, the newest of the branch."""

    ref = rules.git_ref(REF, "The branch, tag or commit; without it the newest commit")


class DriftBody(StrictSchema):
    """What is to be done about a guest that differs from what the platform made."""

    answer = rules.choice(
        f"Invalid answer. Must be '{ADOPT}' or '{REPAIR}'",
        (ADOPT, REPAIR),
        required=True,
        metadata={"description": "Take the guest as it is, or bring it back"},
    )


def deploy_body(platform: "Platform") -> DeployBody:
    """The schema with this platform's frameworks and hosts."""
    return _deploy_body(tuple(frameworks.listing(platform)), platform.settings.git_hosts)


# Making a schema takes longer than loading with it, and it keeps nothing of what it loads.
_deploy_body = lru_cache(maxsize=8)(DeployBody)


def load_deploy(body: Mapping[str, object], platform: "Platform") -> DeploySpec:
    """A body that did not come as JSON, under the same rules; raises ``Invalid``."""
    spec: DeploySpec = check(deploy_body(platform), body)
    return spec
