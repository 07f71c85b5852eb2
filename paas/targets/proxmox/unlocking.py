"""What only an administrator of the node can do for a guest that was never finished.

A create that was killed leaves its guest locked, which the API cannot undo, and outside of our
pool, where the token has no rights.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from paas.domain.errors import PaasError, StepInterrupted
from paas.targets.proxmox.site import Site
from paas.tools.proxmox import Proxmox, Spot
from paas.tools.ssh import Account, Done, Sessions

SECONDS = 60.0
PROGRAMS = {"lxc": "pct", "qemu": "qm"}
Commands = Sequence[list[str]]
Run = Callable[[Account, Commands], Done]


def unlocking(spot: Spot, vmid: int) -> list[str]:
    """The command that ends a lock."""
    return [PROGRAMS[spot.kind], "unlock", str(vmid)]


def pooling(site: Site, vmid: int) -> list[str]:
    """The command that gives the token its rights."""
    return ["pvesh", "set", f"/pools/{site.pool}", "--vms", str(vmid)]


def hand_over(
    proxmox: Proxmox, site: Site, spot: Spot, vmid: int, commands: Commands, *, left: str
) -> None:
    """Run the commands over SSH on the guest's node, where a key for that is set.

    ``left`` says how the guest stands there: half made, or with a lock that no task holds.
    Raises ``StepInterrupted`` that names them where it cannot be done; who tries again later finds
    the guest free, and goes on.
    """
    line = " && ".join(" ".join(command) for command in commands)
    told = f"A task that was ended from outside left guest {vmid} {left}"
    mend = f"run `{line}` on node {spot.node}; the platform goes on by itself then"
    if not site.unlock_key:
        raise StepInterrupted(f"{told}, where the API token cannot remove it: {mend}")
    proxmox.keep_on()
    try:
        account = Account(
            name=f"node {spot.node}",
            title=f"node {spot.node}",
            address=_address(proxmox, spot.node),
            key=Path(site.unlock_key).read_text(),
        )
        done = _run(account, commands)
    except (OSError, ValueError, PaasError) as error:
        raise StepInterrupted(f"{told}, and SSH to its node failed ({error}): {mend}") from None
    if done.code != 0:
        why = " ".join(done.errors.split()) or f"exit code {done.code}"
        raise StepInterrupted(f"{told}, and its node refused ({why}): {mend}")


def _run(account: Account, commands: Commands) -> Done:
    # The node's host key is not pinned: the key that is shown to it may do nothing but this, and
    # whether the guest is free is asked of the API afterwards.
    sessions = Sessions()
    done = Done(0, b"", "")
    try:
        for command in commands:
            done = sessions.run(account, command, deadline=SECONDS)
            if done.code != 0:
                break
    finally:
        sessions.close()
    return done


def _address(proxmox: Proxmox, node: str) -> str:
    for row in proxmox.get("/cluster/status"):
        if row["type"] == "node" and row["name"] == node and row.get("ip"):
            return str(row["ip"])
    return node
