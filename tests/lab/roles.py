"""Which Debian packages the roles bring, read where the roles say it."""

from typing import Any

import yaml

from paas.settings import CHECKOUT

ROLES = CHECKOUT / "ansible" / "roles"


def runtime_packages(runtime: str) -> list[str]:
    """What ``runtime_<name>`` installs when the template lacks it; empty when it needs nothing."""
    packages: list[str] = _defaults(runtime).get(f"runtime_{runtime}_packages", [])
    return packages


def all_packages() -> list[list[str]]:
    """Role by role, with the packages of the other programs that installing an app may need."""
    found = []
    for path in sorted(ROLES.glob("runtime_*")):
        runtime = path.name.removeprefix("runtime_")
        others = _defaults(runtime).get("paas_programs", {}).values()
        found.append([*runtime_packages(runtime), *(name for names in others for name in names)])
    return [packages for packages in found if packages]


def _defaults(runtime: str) -> dict[str, Any]:
    text = (ROLES / f"runtime_{runtime}" / "defaults" / "main.yml").read_text()
    values: dict[str, Any] = yaml.safe_load(text)
    return values
