"""The whole lab: a fake Proxmox with real guests, and mirrors and a provider for them.

What it shows, and what only a real Proxmox can show, is written in docs/lab.md.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from paas.tools import proxmox_rights
from tests.lab import ground, packages, provider_build, pve
from tests.lab.ground import Ground, cache
from tests.lab.hypervisor import HypervisorError
from tests.lab.mirrors import Mirrors
from tests.lab.network import MIRROR_PORT
from tests.mirror import SAMPLES, Mirror

NODES = ("pve1", "pve2")
STORAGE, TEMPLATES = "local-lvm", "local"
BRIDGE = "vmbr0"
POOL = "paas"
TOKEN_USER, TOKEN_NAME = "paas@pve", "platform"
# The disks of the VM templates, in GB.
TEMPLATE_DISK = 4


@dataclass
class Lab:
    """A running lab. ``token`` is the platform's, of least privilege."""

    ground: Ground
    mirrors: Mirrors
    git: Mirror
    provider: Path
    pve: pve.LabPve
    token: str = field(repr=False)

    def environ(self, instance: Path, **changes: str) -> dict[str, str]:
        """The variables that point the platform here.

        ``changes`` win; they are named as the settings are, without ``PAAS_PROXMOX_``:
        ``environ(instance, addresses="dhcp")``.
        """
        plan = self.ground.plan
        proxmox = {
            "url": self.pve.url,
            "token": self.token,
            "ca_file": str(self.pve.ca_file),
            "nodes": "",
            "storage": STORAGE,
            "bridge": BRIDGE,
            "addresses": plan.pool,
            "dns": plan.host,
            "pool": POOL,
            "vmids": "100000-199999",
            "lxc_template": ground.LXC_TEMPLATE,
            "vm_template": str(ground.VM_TEMPLATE),
            "ssh_from": plan.host,
            **changes,
        }
        return {
            "PAAS_TARGET": "proxmox",
            "PAAS_INSTANCE": str(instance),
            **{f"PAAS_PROXMOX_{name.upper()}": value for name, value in proxmox.items()},
            "PAAS_TERRAFORM_MIRROR": str(self.provider),
            "PAAS_GUEST_APT_MIRROR": f"{self.mirrors.url}/apt",
            "PAAS_GUEST_PIP_INDEX": f"{self.mirrors.url}/pip/simple/",
            "PAAS_GUEST_NPM_REGISTRY": f"{self.mirrors.url}/npm/",
            "PAAS_GIT_MIRROR": str(self.git.folder),
        }


@contextmanager
def running(number: int | None = None) -> Iterator[Lab]:
    """A lab from nothing to nothing; the first free number when none is given.

    Raises ``HypervisorError`` in words when something of it cannot be made.
    """
    with ground.prepared(number) as below, ExitStack() as undo:
        plain = below.trees[1]
        folders = {
            "apt": packages.debian(cache(), plain),
            "pip": packages.wheels(cache()),
            "npm": packages.npm(cache()),
        }
        provider = provider_build.mirror(cache())
        mirrors = Mirrors(below.plan.host, MIRROR_PORT, folders)
        undo.callback(mirrors.stop)
        mirrors.start()
        git = Mirror(below.folder / "git")
        for sample in sorted(path.name for path in SAMPLES.iterdir() if path.is_dir()):
            git.add_sample(sample)
        address, state = below.plan.api, below.folder
        api = undo.enter_context(
            pve.running(below.hypervisor, address=address, nodes=NODES, below=state)
        )
        api.networks = {BRIDGE: (f"{address}/24", below.plan.host)}
        yield Lab(below, mirrors, git, provider, api, _furnish(api, below))


def _furnish(api: pve.LabPve, below: Ground) -> str:
    """Templates, and the platform's pool, roles and token as docs/proxmox.md makes them."""
    for template in (ground.LXC_TEMPLATE, ground.PLAIN_TEMPLATE):
        api.add_lxc_template(template)
    for vm in (ground.VM_TEMPLATE, ground.PLAIN_VM_TEMPLATE):
        api.add_vm_template(vm, disk=TEMPLATE_DISK, storage=STORAGE)
    api.on_template = below.images.register
    api.add_pool(POOL)
    site = proxmox_rights.Site(
        token=f"{TOKEN_USER}!{TOKEN_NAME}",
        pool=POOL,
        storage=STORAGE,
        bridge=BRIDGE,
        templates=TEMPLATES,
        vm_template=ground.VM_TEMPLATE,
    )
    token = api.add_token(TOKEN_USER, TOKEN_NAME)
    for grant in proxmox_rights.grants(site, building=True):
        api.add_role(grant.role.name, grant.role.privileges)
        for who in (site.user, site.token):
            api.grant(grant.path, who, grant.role.name)
    if not token.startswith(site.token):
        raise HypervisorError(f"the fake made a token of another name than {site.token}")
    return token
