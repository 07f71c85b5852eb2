"""The guest's Terraform state, when the guest was moved to another node."""

import json
from typing import Any

PREFIX = "proxmox_virtual_environment_"


def moved(state: bytes, node: str) -> bytes:
    """The state with every resource of the guest on ``node``, and a higher serial.

    It comes back as it was when it says so already: a new version would tell nothing.
    """
    document: dict[str, Any] = json.loads(state)
    changed = False
    for resource in document.get("resources", []):
        if not str(resource.get("type", "")).startswith(PREFIX):
            continue
        for instance in resource.get("instances", []):
            attributes = instance.get("attributes", {})
            if attributes.get("node_name") not in (None, node):
                attributes["node_name"] = node
                changed = True
    if not changed:
        return state
    if "node" in document.get("outputs", {}):
        document["outputs"]["node"]["value"] = node
    document["serial"] = int(document.get("serial", 0)) + 1
    return json.dumps(document, indent=2).encode() + b"\n"
