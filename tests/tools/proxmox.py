"""A fake Proxmox as an administrator has made it ready, and the platform's access to it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from paas.tools import proxmox_rights
from paas.tools.proxmox import Access
from paas.tools.proxmox_rights import Site
from tests.lab.hypervisor import NoGuests
from tests.lab.pve import LabPve, running

SITE = Site("paas@pve!platform", templates="local", vm_template=9000)
LXC_TEMPLATE = "local:vztmpl/debian-12.tar.zst"
_numbers = count(1)


@contextmanager
def cluster(*, building: bool = False, time_scale: float = 0.01) -> Iterator[tuple[LabPve, Access]]:
    """A cluster of two nodes with templates, pool, roles and token as docs/proxmox.md has them.

    Its address differs from those of other tests, also of those that run at the same time.
    """
    address = f"127.89.{os.getpid() % 250}.{next(_numbers) % 250 + 1}"
    with running(NoGuests(), address=address, time_scale=time_scale) as pve:
        pve.add_lxc_template(LXC_TEMPLATE)
        pve.add_vm_template(SITE.vm_template)
        pve.add_pool(SITE.pool)
        token = pve.add_token(SITE.user, SITE.token_name)
        for grant in proxmox_rights.grants(SITE, building=building):
            pve.add_role(grant.role.name, grant.role.privileges)
            for who in (SITE.user, SITE.token):
                pve.grant(grant.path, who, grant.role.name)
        yield pve, Access(pve.url, token, ca_file=str(pve.ca_file), timeout=20, pool=SITE.pool)
