"""How a guest says whose it is: a line in its description, and tags that people can filter by."""

import hashlib
import re
from collections.abc import Mapping

from paas.domain.specs import GuestSpec

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
MARKER = re.compile(rf"^paas: ({UUID}/{UUID})\s*$", re.MULTILINE)
LINE = re.compile(r"^([a-z]+): (.*)$")
LONGEST = 512


def tags(installation: str) -> list[str]:
    """Sorted and in lower case, as Proxmox keeps them."""
    return sorted(["paas", own_tag(installation)])


def own_tag(installation: str) -> str:
    """The tag that only this installation's guests have."""
    return f"paas-{installation[:8].lower()}"


def description(guest: GuestSpec) -> str:
    """The marker first, so that no user's text can stand before it; then what the guest is for."""
    about = {**guest.about, "port": str(guest.port)}
    if template := guest.frozen.get("template"):
        about["template"] = str(template)
    lines = [f"{name}: {_one_line(value)}" for name, value in sorted(about.items()) if value]
    return "\n".join([f"paas: {guest.marker}", *lines])


def read(text: str) -> str:
    """The marker in a description; empty when it has none."""
    found = MARKER.search(text)
    return found[1] if found else ""


def about(text: str) -> Mapping[str, str]:
    """What a description says of the app, by name."""
    found = (LINE.fullmatch(line.strip()) for line in text.splitlines())
    return {match[1]: match[2] for match in found if match and match[1] != "paas"}


def mac(marker: str) -> str:
    """A locally administered address that is the guest's own and never changes."""
    digest = hashlib.sha256(marker.encode()).digest()
    return ":".join(f"{byte:02X}" for byte in (0x02, *digest[:5]))


def _one_line(value: str) -> str:
    return " ".join(str(value).split())[:LONGEST]
