"""What a Terraform state says that it holds."""

import json


def addresses(state: bytes | None) -> frozenset[str]:
    """The resources of a state as the configuration names them: ``module.guest.TYPE.NAME[0]``."""
    document = json.loads(state) if state else {}
    return frozenset(
        ".".join(filter(None, [row.get("module", ""), row["type"], row["name"]])) + _index(instance)
        for row in document.get("resources", [])
        if row.get("mode") == "managed"
        for instance in row.get("instances", [])
    )


def _index(instance: dict[str, object]) -> str:
    key = instance.get("index_key")
    return "" if key is None else f"[{json.dumps(key)}]"
