"""What stands where ours live, and how a guest differs from its row."""

from collections.abc import Sequence
from dataclasses import replace

from paas.domain.errors import Unreachable
from paas.domain.specs import GuestSpec, Resources
from paas.domain.views import Difference
from paas.targets.contract import Presence, Standing
from paas.targets.proxmox import configs, marker
from paas.targets.proxmox.presence import Guests
from paas.tools.proxmox import Missing, Row, Spot


def standing(guests: Guests) -> Sequence[Standing]:
    """The guests of this kind in our range of numbers, or with our tag; templates left out."""
    tag = marker.own_tag(guests.site.installation)
    found = []
    for row in guests.proxmox.resources():
        tags = str(row.get("tags") or "").replace(",", ";").split(";")
        is_near = int(row["vmid"]) in guests.site.vmids or tag in tags
        if row["type"] == guests.kind and is_near and not row.get("template"):
            found.append(_standing(guests, row))
    return [one for one in found if one is not None]


def _standing(guests: Guests, row: Row) -> Standing | None:
    vmid = int(row["vmid"])
    spot = Spot(str(row["node"]), str(row["type"]), str(row.get("status", "unknown")))
    known = Standing(
        endpoint=guests.site.endpoint,
        node=spot.node,
        vmid=vmid,
        name=str(row.get("name") or ""),
        marker="",
        resources=Resources(int(row.get("maxcpu") or 0), 0, 0),
    )
    try:
        config = guests.config(spot, vmid)
    except (Unreachable, Missing):
        # Its node is away: it stands there all the same.
        return replace(known, is_readable=False)
    if config is None:
        return None
    text = str(config.get("description", ""))
    about = marker.about(text)
    return replace(
        known,
        name=str(config.get("name") or config.get("hostname") or known.name),
        marker=marker.read(text),
        resources=configs.resources_of(config),
        address=configs.address_of(config).partition("/")[0],
        about=about,
        frozen=configs.frozen_of(config, about),
    )


def differences(guests: Guests, guest: GuestSpec, wanted: Resources) -> Sequence[Difference]:
    """Compare a guest with its row; ``wanted`` is what its row asks for, as the module gives it."""
    presence, spot = guests.look(guest)
    config = guests.config(spot, guest.vmid) if spot else None
    if presence is Presence.FOREIGN:
        return [Difference("presence", "present", "foreign")]
    if spot is None or config is None:
        return [Difference("presence", "present", "absent")]
    found = configs.resources_of(config)
    pairs = [
        ("node", guest.node, spot.node),
        ("cores", wanted.cores, found.cores),
        ("cpu_limit", f"{wanted.cpu_limit or 0:g}", f"{found.cpu_limit or 0:g}"),
        ("memory", wanted.memory, found.memory),
        ("disk", wanted.disk, found.disk),
        ("power", "running" if guest.runs else "stopped", _power(spot)),
    ]
    return [Difference(name, str(a), str(b)) for name, a, b in pairs if a != b]


def _power(spot: Spot) -> str:
    return "stopped" if spot.status == "stopped" else "running"
