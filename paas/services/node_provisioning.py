"""Making a Proxmox host ready over SSH, with a key that nothing keeps."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from paas.domain.errors import StepFailed
from paas.domain.nodes import WorkerSpec
from paas.engine.platform import Platform
from paas.services.proxmox_doctor import KNOWN_VERSIONS, site_of
from paas.settings import CHECKOUT, Settings
from paas.targets.contract import Connection
from paas.tools import proxmox_rights, ssh_agent
from paas.tools.ansible import Playbook, literal
from paas.tools.process import Bench, Leash

PLAYBOOK = CHECKOUT / "ansible" / "node.yml"
USER = "paas@pve"
SECONDS = 110.0
RESULT = "PAAS_NODE "
FOLDER = "node-"
# The key is asked for from our own agent alone. Whom a first contact meets is believed, unless the
# request says who it must be.
SSH_OPTIONS = (
    "-F none -o BatchMode=yes -o IdentityAgent=agent -o IdentityFile=none "
    "-o PreferredAuthentications=publickey -o GlobalKnownHostsFile=/dev/null "
    "-o UserKnownHostsFile=known_hosts -o UpdateHostKeys=no -o ConnectTimeout=15 "
    "-o ServerAliveInterval=15 -o ServerAliveCountMax=2 -o LogLevel=ERROR"
)


@dataclass(frozen=True)
class Ready:
    """A host that was made ready: the platform's token there, and whom TLS must show."""

    token: str = field(repr=False)
    fingerprint: str


def provision(platform: Platform, spec: WorkerSpec) -> Ready:
    """Make pool, user, token, roles and template on the host; safe to repeat.

    It takes two minutes at most. Raises ``Invalid`` for a key of no use, ``StepInterrupted`` for
    a host that does not answer, and ``StepFailed`` with what went wrong there.
    """
    key = ssh_agent.read_key(spec.ssh_key)
    name = f"platform-{platform.installation[:8]}"
    folder = platform.folder("work") / f"{FOLDER}{uuid4()}"
    folder.mkdir(mode=0o700)
    told: list[str] = []
    bench = Bench(
        folder.name,
        platform.environment,
        log=lambda _stream, line: told.append(line) if line.startswith(RESULT) else None,
        leash=Leash(SECONDS),
        deadline=SECONDS,
        loaded=platform.loaded,
    )
    try:
        playbook = Playbook.start_early(bench, folder / "play", playbook=PLAYBOOK)
        with ssh_agent.serving(key, folder / "play" / "agent"):
            playbook.run(variables(platform.settings, name), connection(spec))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _ready(told, name)


def _ready(told: list[str], name: str) -> Ready:
    if not told:
        raise StepFailed("The host was made ready, and did not tell its token. Try it again")
    result = json.loads(told[-1].removeprefix(RESULT))
    fingerprint = str(result["fingerprint"]).replace(":", "").lower()
    return Ready(f"{USER}!{name}={result['secret']}", fingerprint)


def variables(settings: Settings, token: str) -> dict[str, object]:
    """What the playbook is told: the rights are those that ``paas doctor`` looks for."""
    grants = {
        str(major): [
            {"path": one.path, "role": one.role.name, "privileges": list(one.role.privileges)}
            for one in proxmox_rights.grants(site_of(settings, major))
        ]
        for major in KNOWN_VERSIONS
    }
    given: Mapping[str, object] = {
        "paas_pool": settings.proxmox_pool,
        "paas_user": USER,
        "paas_token": token,
        "paas_grants": grants,
        "paas_template": settings.proxmox_lxc_template,
    }
    return {name: literal(value) for name, value in given.items()}


def connection(spec: WorkerSpec) -> Connection:
    """How Ansible reaches the host; every value was checked to be one word."""
    host = f"[{spec.ip_address}]" if ":" in spec.ip_address else spec.ip_address
    where = host if spec.ssh_port == 22 else f"[{spec.ip_address}]:{spec.ssh_port}"
    known = f"{where} {spec.ssh_host_key}\n" if spec.ssh_host_key else ""
    checking = "yes" if known else "accept-new"
    become = {} if spec.ssh_user == "root" else {"ansible_become": "true"}
    return Connection(
        variables={
            "ansible_connection": "ssh",
            "ansible_host": spec.ip_address,
            "ansible_port": str(spec.ssh_port),
            "ansible_user": spec.ssh_user,
            "ansible_ssh_common_args": f"{SSH_OPTIONS} -o StrictHostKeyChecking={checking}",
            "ansible_control_path": "control/m",
            "ansible_python_interpreter": "/usr/bin/python3",
            **become,
        },
        files={"known_hosts": known},
    )
