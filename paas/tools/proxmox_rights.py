"""The least rights that the platform's token needs, as data, and the commands that grant them.

Sources of the list: the permission checks of the API methods that the platform and the provider
call (``pvesh usage <path> --verbose`` prints them). Roles at a deeper path take the place of those
above it, so each role holds all that is needed at its own path, auditing included.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Held = Mapping[str, Mapping[str, int]]
"""What ``GET /access/permissions`` answers: path -> privilege -> whether it propagates."""

AUDIT = ("Datastore.Audit", "Pool.Audit", "SDN.Audit", "Sys.Audit", "VM.Audit")
OPERATOR = (
    "Pool.Audit",
    "VM.Allocate",
    "VM.Audit",
    "VM.Clone",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.PowerMgmt",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
)
# Proxmox VE 9 has its own privilege for what a VM's agent says. In version 8 it takes VM.Monitor,
# which reaches much further, so that is asked for only where VMs get their addresses by DHCP.
AGENT = {8: "VM.Monitor", 9: "VM.GuestAgent.Audit"}


@dataclass(frozen=True)
class Role:
    """A named set of privileges."""

    name: str
    privileges: tuple[str, ...]


@dataclass(frozen=True)
class Grant:
    """A role at a path, and in words what it is for."""

    path: str
    role: Role
    purpose: str


@dataclass(frozen=True)
class Site:
    """What the rights are for. ``token`` is ``user@realm!name``, without the secret.

    ``templates`` is the storage that holds container templates, ``vm_template`` the vmid that VMs
    are cloned from; empty and 0 where there is none. ``major`` is Proxmox VE's version.
    """

    token: str
    pool: str = "paas"
    storage: str = "local-lvm"
    bridge: str = "vmbr0"
    templates: str = ""
    vm_template: int = 0
    major: int = 9
    agent: bool = False

    @property
    def user(self) -> str:
        return self.token.partition("!")[0]

    @property
    def token_name(self) -> str:
        return self.token.partition("!")[2]


def operator(site: Site) -> Role:
    """The role in our pool, which differs with Proxmox VE's version."""
    agent = AGENT.get(site.major, AGENT[max(AGENT)])
    wanted = site.agent or agent != "VM.Monitor"
    return Role("PaaSOperator", tuple(sorted([*OPERATOR, agent])) if wanted else OPERATOR)


AUDITOR = Role("PaaSAudit", AUDIT)
STORAGE = Role("PaaSStorage", ("Datastore.AllocateSpace", "Datastore.Audit"))
NETWORK = Role("PaaSNetwork", ("SDN.Audit", "SDN.Use"))
CLONE = Role("PaaSClone", ("VM.Audit", "VM.Clone"))
TEMPLATES = Role("PaaSTemplates", ("Datastore.AllocateTemplate", "Datastore.Audit"))


def grants(site: Site, *, building: bool = False) -> list[Grant]:
    """Every right at its path; ``building`` adds what only `paas templates build` needs."""
    bridge = f"/sdn/zones/localnetwork/{site.bridge}"
    wanted = [
        Grant("/", AUDITOR, "look at nodes, storages and guests; nothing is changed there"),
        Grant(f"/pool/{site.pool}", operator(site), "make, alter and remove guests in our pool"),
        Grant(f"/storage/{site.storage}", STORAGE, "keep the guests' disks"),
        Grant(bridge, NETWORK, "connect guests to the bridge"),
    ]
    if site.vm_template:
        wanted.append(Grant(f"/vms/{site.vm_template}", CLONE, "clone VMs from the template"))
    if building and site.templates:
        purpose = "upload container templates (only for `paas templates build`)"
        wanted.append(Grant(f"/storage/{site.templates}", TEMPLATES, purpose))
    return wanted


def commands(site: Site, *, building: bool = False) -> list[str]:
    """Shell lines for a node, in order: pool, user, token, roles, and what binds them."""
    needed = grants(site, building=building)
    roles = dict.fromkeys(grant.role for grant in needed)
    return [
        _line("pool", "add", site.pool, "--comment", "Guests of the platform"),
        _line("user", "add", site.user, "--comment", "The platform"),
        _line("user", "token", "add", site.user, site.token_name, "--privsep", "1"),
        *(_line("role", "add", role.name, "--privs", " ".join(role.privileges)) for role in roles),
        *(acl_command(grant.path, grant.role.name, site.token) for grant in needed),
    ]


def acl_command(path: str, role: str, token: str) -> str:
    """The line that gives a role at a path to the user and to its token, which needs both."""
    user = token.partition("!")[0]
    return _line("acl", "modify", path, "--roles", role, "--users", user, "--tokens", token)


def role_command(role: str, privileges: Sequence[str]) -> str:
    """The line that adds privileges to a role that is there."""
    return _line("role", "modify", role, "--privs", " ".join(privileges), "--append", "1")


def mending_command(path: str, privilege: str, *, token: str, pool: str) -> str:
    """The line that grants what Proxmox says is lacking; a guest's rights come with our pool."""
    top = path.strip("/").partition("/")[0]
    if top == "vms" and privilege == "VM.Clone":
        return acl_command(path, CLONE.name, token)
    if top in ("vms", "pool"):
        return acl_command(f"/pool/{pool or '<pool>'}", "PaaSOperator", token)
    if top == "storage":
        uploads = privilege == "Datastore.AllocateTemplate"
        return acl_command(path, TEMPLATES.name if uploads else STORAGE.name, token)
    if top == "sdn":
        return acl_command(path, NETWORK.name, token)
    return acl_command("/", AUDITOR.name, token)


def lacking(grant: Grant, held: Held) -> list[str]:
    """The privileges of a grant that are not held.

    ``held`` is the answer for the grant's path; where it holds paths above too, those count as
    far as they propagate. What is held on / must propagate: it is meant for all below.
    """
    has: set[str] = set()
    for path, privileges in held.items():
        at = path == grant.path
        above = path == "/" or grant.path.startswith(f"{path}/")
        if at or above:
            enough = at and path != "/"
            has |= {name for name, spreads in privileges.items() if spreads or enough}
    return [name for name in grant.role.privileges if name not in has]


def mend(grant: Grant, missing: Sequence[str], token: str) -> str:
    """The line for a grant that is missing as a whole, or for a role that lacks a part.

    Auditing is inherited from / and says nothing about the grant at a deeper path.
    """
    role = grant.role
    telling = {name for name in role.privileges if name not in AUDIT} or set(role.privileges)
    if telling <= set(missing):
        return acl_command(grant.path, role.name, token)
    return role_command(role.name, missing)


def _line(*words: str) -> str:
    return shlex.join(["pveum", *words])
