"""A folder that speaks for an npm registry: what lock files name, as a registry lays it out.

``<name>/packument.json`` describes a package; its archives are in ``<name>/-/``. Their addresses
begin with ``BASE``, which the server replaces by its own.
"""

import base64
import hashlib
import json
import platform
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

BASE = "@base@"
CPUS = {"x86_64": "x64", "aarch64": "arm64"}


def wanted(lock: Mapping[str, Any]) -> Iterator[str]:
    """``name@version`` of each package of a lock file (version 2 or 3) that fits this machine."""
    machine = {"os": "linux", "cpu": CPUS.get(platform.machine(), ""), "libc": "glibc"}
    for path, about in lock.get("packages", {}).items():
        if not path:
            continue
        if all(mine in about.get(key, [mine]) for key, mine in machine.items()):
            name = about.get("name") or path.rpartition("node_modules/")[2]
            yield f"{name}@{about['version']}"


def arrange(packed: Path, place: Path) -> None:
    """Put the archives that ``npm pack`` wrote into ``packed`` where a registry has them."""
    found: dict[str, dict[str, Any]] = {}
    for archive in sorted(packed.glob("*.tgz")):
        about = _about(archive)
        name, version = about["name"], about["version"]
        folder = place / name / "-"
        folder.mkdir(parents=True, exist_ok=True)
        archive.rename(folder / archive.name)
        about["dist"] = _dist(folder / archive.name, f"{BASE}/{name}/-/{archive.name}")
        found.setdefault(name, {})[version] = about
    for name, versions in found.items():
        latest = max(versions, key=_order)
        whole = {"name": name, "dist-tags": {"latest": latest}, "versions": versions}
        (place / name / "packument.json").write_text(json.dumps(whole))


def _about(archive: Path) -> dict[str, Any]:
    with tarfile.open(archive) as files:
        for member in files:
            if member.name.count("/") == 1 and member.name.endswith("/package.json"):
                text = files.extractfile(member)
                if text is not None:
                    about: dict[str, Any] = json.load(text)
                    return about
    raise ValueError(f"{archive.name} has no package.json")


def _dist(archive: Path, address: str) -> dict[str, str]:
    whole = archive.read_bytes()
    digest = base64.b64encode(hashlib.sha512(whole).digest()).decode()
    shasum = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
    return {"tarball": address, "integrity": f"sha512-{digest}", "shasum": shasum}


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("-")[0].split("."))
