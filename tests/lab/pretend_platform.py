"""`paas run` whose guests exist in a fake cluster only: what is inside them is pretended.

Everything else is as it is: web process, workers, sweeper, guards, Terraform and its provider.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from paas import targets
from paas.engine import attempt
from paas.targets.proxmox import addresses, unlocking
from paas.targets.proxmox.lxc import LxcTarget
from paas.targets.proxmox.site import Site
from paas.targets.proxmox.vm import VmTarget
from paas.tools.proxmox import Proxmox
from paas.tools.ssh import Sessions, public_key
from paas.tools.ssh_link import Account, Link, open_link
from tests.lab.faults.inside import NoPlay, PretendInside

# A port of this machine at which every node of the cluster is entered.
NODE_PORT = "LAB_NODE_PORT"


def main() -> None:
    """Be `paas run`; its children are forked, so that they pretend as well."""
    from paas import cli

    pretend(os.environ)
    sys.argv[1:] = ["run"]
    cli.main()


def pretend(environment: Mapping[str, str]) -> None:
    """Put the pretended insides into their places."""
    targets.FACTORIES = {**targets.FACTORIES, "proxmox": _targets}  # type: ignore[misc]
    attempt.Playbook = NoPlay  # type: ignore[misc, assignment]
    addresses.answers = lambda _address, _ports: False
    if port := int(environment.get(NODE_PORT, "0")):
        knock = partial(_knock, port)
        unlocking.Sessions = partial(Sessions, open_link=knock)  # type: ignore[misc, assignment]


def _targets(context: targets.Context) -> Sequence[LxcTarget | VmTarget]:
    site = Site.of(context.settings, context.installation, public_key(context.ssh_key))
    inside, proxmox = PretendInside(context.ssh_key), Proxmox(site.access)
    return [LxcTarget(site, inside, proxmox), VmTarget(site, inside, proxmox)]


def _knock(port: int, account: Account, patience: float) -> Link:
    return open_link(replace(account, address="127.0.0.1", port=port), patience)
