"""Freeing a guest whose lock was left behind: the one thing that Proxmox's API cannot do."""

from collections.abc import Callable
from pathlib import Path

from paas.domain.errors import PaasError, StepInterrupted
from paas.targets.proxmox.site import Site
from paas.tools.proxmox import Proxmox, Spot
from paas.tools.ssh import Account, Done, Sessions

SECONDS = 30.0
PROGRAMS = {"lxc": "pct", "qemu": "qm"}
Run = Callable[[Account, list[str]], Done]


def unlock(proxmox: Proxmox, site: Site, spot: Spot, vmid: int, *, run: Run | None = None) -> None:
    """Free the guest over SSH on its node, where a key for that is set.

    Raises ``StepInterrupted`` with the command for the administrator where it cannot be done; who
    tries again later finds the guest free, and goes on.
    """
    command = [PROGRAMS[spot.kind], "unlock", str(vmid)]
    words = f"run `{' '.join(command)}` on node {spot.node}; the platform goes on by itself then"
    locked = f"A task that was ended from outside left guest {vmid} locked"
    if not site.unlock_key:
        raise StepInterrupted(f"{locked}, and Proxmox's API cannot unlock it: {words}")
    try:
        account = Account(
            name=f"node {spot.node}",
            title=f"node {spot.node}",
            address=_address(proxmox, spot.node),
            key=Path(site.unlock_key).read_text(),
        )
        done = (run or _run)(account, command)
    except (OSError, ValueError, PaasError) as error:
        raise StepInterrupted(
            f"{locked}, and it could not be unlocked ({error}): {words}"
        ) from None
    if done.code != 0:
        why = " ".join(done.errors.split()) or f"exit code {done.code}"
        raise StepInterrupted(f"{locked}, and it could not be unlocked ({why}): {words}")


def _run(account: Account, command: list[str]) -> Done:
    # The node's host key is not pinned: the key that is shown to it can do nothing but unlock, and
    # whether the guest is free is asked of the API afterwards.
    sessions = Sessions()
    try:
        return sessions.run(account, command, deadline=SECONDS)
    finally:
        sessions.close()


def _address(proxmox: Proxmox, node: str) -> str:
    for row in proxmox.get("/cluster/status"):
        if row["type"] == "node" and row["name"] == node and row.get("ip"):
            return str(row["ip"])
    return node
