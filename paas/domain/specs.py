"""What comes in, and what the rooms hand to each other: frozen, without behaviour or I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from paas.domain.permissions import Permission, Role
from paas.domain.states import GuestType


@dataclass(frozen=True)
class Actor:
    """Who asks: every query of a service is scoped by its tenant, every use case asks for one of
    its permissions. ``name`` and ``source`` (an address) are for the audit log.

    ``user_id`` is None for whoever came through the open door or shows the platform's own token.
    ``sign_in`` is the uuid of the sign-in that the request belongs to, None for API tokens too:
    what guards an account (password, second factor, new tokens) asks for one.
    """

    tenant_id: int
    name: str = "local"
    permissions: frozenset[Permission] = frozenset()
    role: Role = Role.USER
    user_id: int | None = None
    source: str = ""
    sign_in: str | None = None


@dataclass(frozen=True)
class Resources:
    """Cores as a count, memory in MB, disk in GB, as document 001 has them.

    ``cpu_limit`` is the part of the cores' time that may be used at most, in cores (0.5 is half
    of one), where a plan says so and the target can.
    """

    cores: int
    memory: int
    disk: int
    cpu_limit: float | None = None


@dataclass(frozen=True)
class DeploySpec:
    """A checked request to deploy; ``resources`` None means the catalogue's defaults."""

    name: str
    guest_type: GuestType
    framework: str
    repository: str
    resources: Resources | None = None
    branch: str | None = None
    ref: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    start_command: str | None = None
    health_path: str | None = None
    port: int | None = None


AUTO = "auto"
"""In place of a framework: the repository says at each deployment what it is."""


@dataclass(frozen=True)
class AppSpec:
    """A checked request for an app that is deployed later; ``plan`` is a plan's uuid."""

    name: str
    slug: str
    repository: str
    branch: str | None = None
    buildpack: str | None = None
    plan: str | None = None
    framework: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    guest_type: GuestType = GuestType.LXC


@dataclass(frozen=True)
class AppChange:
    """What is to be changed of an app; None leaves a thing as it is."""

    name: str | None = None
    branch: str | None = None
    buildpack: str | None = None
    plan: str | None = None
    auto_deploy: bool | None = None


@dataclass(frozen=True)
class Push:
    """What a git host tells of a push: ``commit`` is the branch's new head, ``by`` who pushed.

    ``default_branch`` is the repository's; empty where the host does not say it.
    """

    branch: str
    commit: str
    by: str
    default_branch: str = ""


@dataclass(frozen=True)
class GuestSpec:
    """A guest as its row has it: enough for a target to make, find and remove it.

    ``marker`` is ``<installation uuid>/<guest uuid>``; ``address`` is where the app answers,
    empty until a guest with DHCP has one; ``port`` the app's public port there; ``incarnation``
    counts the times it was made anew. ``frozen`` is what the target chose when the place was
    reserved and must stay so. ``host_key`` is the guest's SSH key (``type base64``) since the
    first contact of this incarnation. ``preflight`` is when the place was last seen empty before
    anything was made there, in seconds since 1970. ``about`` says for people and for adoption
    what app it is: name, framework, repository, branch. ``runs`` is whether it is wanted to.
    """

    uuid: str
    marker: str
    target: str
    endpoint: str
    node: str
    vmid: int
    incarnation: int
    hostname: str
    address: str
    port: int
    resources: Resources
    guest_type: GuestType
    frozen: Mapping[str, Any] = field(default_factory=dict)
    host_key: str = ""
    preflight: float | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    runs: bool = True


@dataclass(frozen=True)
class BuildPlan:
    """How a release is built and started, decided once from its source and kept with it.

    ``runtime`` names the Ansible role. ``runtime_version`` is what the repository asks for
    ("3.12", "20") or None. ``root`` is the app's folder inside the source ("" for the top).
    ``install`` is the list of install commands, each an argument list that runs in the app's
    folder when ``dependencies_hash`` is new; ``{dependencies}`` in an argument is the folder
    kept under that hash, ``{runtime}`` the runtime's program. ``kept`` are folders that the
    commands make inside the app's folder (node_modules, vendor) and that are kept likewise.
    ``build``, ``release`` and ``start`` are shell text that runs inside the guest only,
    with PORT, HOST and the environment set. ``document_root`` is for static and PHP.
    ``reasons`` are sentences for the log: what was chosen and why.
    """

    framework: str
    runtime: str
    runtime_version: str | None
    root: str
    install: tuple[tuple[str, ...], ...]
    kept: tuple[str, ...]
    dependencies_hash: str
    build: tuple[str, ...]
    release: tuple[str, ...]
    start: str
    document_root: str
    health_path: str
    environment: Mapping[str, str]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ReleaseSpec:
    """A release as a target and Ansible need it: ``archive`` is a path on this machine."""

    uuid: str
    number: int
    sha: str
    archive: str
    plan: BuildPlan
    environment: Mapping[str, str]
