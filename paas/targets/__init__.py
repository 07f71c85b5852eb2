"""The targets that there are. A new one is a folder, a Terraform module and one entry here."""

import shutil
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from paas.frameworks.catalogue import Framework
from paas.settings import Settings
from paas.targets.contract import Target
from paas.targets.local.running import Run, run_guarded
from paas.targets.local.target import LocalTarget
from paas.targets.proxmox.inside import Inside
from paas.targets.proxmox.lxc import LxcTarget
from paas.targets.proxmox.site import Site, access_elsewhere
from paas.targets.proxmox.vm import VmTarget
from paas.tools.proxmox import Proxmox
from paas.tools.ssh import public_key


@dataclass(frozen=True)
class Context:
    """What a target may be made of; ``environment`` is the platform's own."""

    settings: Settings
    installation: str
    runtimes: Mapping[str, str]
    environment: Mapping[str, str]
    run: Run
    uv: Path
    ssh_key: str


def _local(context: Context) -> list[Target]:
    target = LocalTarget(
        context.settings.instance,
        context.installation,
        context.settings.local_network,
        frameworks=context.runtimes,
        environment=context.environment,
        run=context.run,
        uv=context.uv,
    )
    return [target]


def _proxmox(context: Context) -> list[Target]:
    return _on(
        context, Site.of(context.settings, context.installation, public_key(context.ssh_key))
    )


def _on(context: Context, site: Site) -> list[Target]:
    """Both kinds of guests share one client and one set of SSH connections."""
    inside = Inside.of(context.settings, context.ssh_key, context.uv)
    proxmox = Proxmox(site.access)
    return [LxcTarget(site, inside, proxmox), VmTarget(site, inside, proxmox)]


def build_elsewhere(context: Context, endpoint: str, access: Mapping[str, str]) -> list[Target]:
    """The targets of an endpoint that is not the settings' own: all but the way there is theirs.

    ``access`` has ``url``, ``token``, and ``fingerprint`` or ``ca`` (a certificate in PEM).
    """
    site = Site.of(context.settings, context.installation, public_key(context.ssh_key))
    way = access_elsewhere(context.settings, endpoint, access)
    return _on(context, replace(site, endpoint=endpoint, access=way, nodes=(), unlock_key=""))


FACTORIES: Mapping[str, Callable[[Context], list[Target]]] = {
    "local": _local,
    "proxmox": _proxmox,
}
"""What there is for each value of PAAS_TARGET. ``local`` is always there: an instance that was
moved to a cluster can still look after the guests that it had."""


def build_targets(context: Context) -> Mapping[str, Target]:
    """The targets of the context's settings by name."""
    wanted = dict.fromkeys(["local", context.settings.target])
    return {one.name: one for name in wanted for one in FACTORIES[name](context)}


def make_context(
    settings: Settings,
    installation: str,
    catalogue: Mapping[str, Framework],
    environment: Mapping[str, str],
    *,
    ssh_key: str = "",
    run: Run = run_guarded,
) -> Context:
    """What targets are made of. ``environment`` is the platform's own, of which each target lets
    through what it names; ``ssh_key`` is the private key for guests that are entered over SSH;
    ``run`` runs short programs of the host."""
    return Context(
        settings=settings,
        installation=installation,
        runtimes={key: framework.runtime for key, framework in catalogue.items()},
        environment=environment,
        run=run,
        uv=_uv(environment),
        ssh_key=ssh_key,
    )


def _uv(environment: Mapping[str, str]) -> Path:
    """uv as it was installed with the platform, else the one on PATH."""
    own = Path(sysconfig.get_path("scripts")) / "uv"
    if own.is_file():
        return own
    return Path(shutil.which("uv", path=environment.get("PATH")) or own)
