"""The form that deploys: what it holds, and how its text becomes the body of POST /api/deploy."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from paas.api.deploy.schemas import load_deploy
from paas.api.deploy.schemas.requests import RedeployBody
from paas.api.loading import check
from paas.domain.errors import Invalid
from paas.domain.specs import DeploySpec, Resources
from paas.engine.platform import Platform
from paas.services import frameworks

FIELDS = (
    "name",
    "framework",
    "deployment_type",
    "github_url",
    "cores",
    "memory",
    "disk",
    "branch",
    "environment",
    "start_command",
    "health_path",
    "port",
)
ADVANCED = ("branch", "environment", "start_command", "health_path", "port")
_RESOURCES = ("cores", "memory", "disk")

_SUBJECT = re.compile(r"Invalid (?:resources\.)?(\w+)")


@dataclass(frozen=True)
class DeployForm:
    """Values as the person typed them, and the sentences that say what is wrong with them.

    ``key`` makes sending the same form twice, by a double click or a reload, one deployment.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    key: str = field(default_factory=lambda: str(uuid4()))

    @property
    def wrong(self) -> frozenset[str]:
        """The fields that the errors are about."""
        return frozenset(name for error in self.errors if (name := field_of(error)))

    @property
    def advanced(self) -> bool:
        """Whether the folded part must be shown: something in it is filled in or wrong."""
        return any(self.values.get(name) or name in self.wrong for name in ADVANCED)


def field_of(error: str) -> str | None:
    """The field that a sentence is about, or None when it is about the whole."""
    if error.startswith("The name "):
        return "name"
    if error.startswith("Invalid GitHub URL"):
        return "github_url"
    subject = _SUBJECT.match(error)
    return subject[1] if subject and subject[1] in FIELDS else None


def read(posted: Mapping[str, str]) -> dict[str, str]:
    """The form's fields from a request, without the blanks around them; others are left out."""
    return {name: posted.get(name, "").strip() for name in FIELDS}


def spec(values: Mapping[str, str], platform: Platform) -> DeploySpec:
    """The request that the form makes, under the rules of POST /api/deploy.

    Raises ``Invalid`` with every broken rule, lines of the environment that cannot be read
    included.
    """
    errors: list[str] = []
    variables: dict[str, str] = {}
    try:
        variables = environment(values["environment"])
    except Invalid as broken:
        errors += broken.errors
    framework = frameworks.listing(platform).get(values["framework"])
    sent = body(values, framework.resources if framework else None)
    if variables:
        sent["environment"] = variables
    try:
        loaded = load_deploy(sent, platform)
    except Invalid as broken:
        errors += broken.errors
    if errors:
        raise Invalid(errors)
    return loaded


def ref(text: str) -> str | None:
    """The branch, tag or commit that was typed, under the rules of a redeploy; None if blank.

    Raises ``Invalid``.
    """
    found = text.strip()
    if not found:
        return None
    check(RedeployBody(), {"ref": found})
    return found


def body(values: Mapping[str, str], defaults: Resources | None) -> dict[str, object]:
    """The body of POST /api/deploy for what was typed, without the environment.

    Blank fields are left out; a resource left blank beside others takes the default.
    """
    found: dict[str, object] = {
        name: values[name]
        for name in ("name", "deployment_type", "framework", "github_url")
        if values.get(name)
    }
    found |= {
        name: values[name]
        for name in ("branch", "start_command", "health_path")
        if values.get(name)
    }
    if values.get("port"):
        found["port"] = _number(values["port"])
    if any(values.get(name) for name in _RESOURCES):
        found["resources"] = _resources(values, defaults)
    return found


def environment(text: str) -> dict[str, str]:
    """``KEY=VALUE`` lines as a mapping; blank lines and ``#`` comments are skipped."""
    found: dict[str, str] = {}
    errors = []
    for number, line in enumerate(text.splitlines(), start=1):
        key, sign, value = line.strip().partition("=")
        if (not key and not sign) or key.startswith("#"):
            continue
        key = key.strip()
        if not sign or not key:
            errors.append(f"Invalid environment. Line {number} is not of the form KEY=VALUE")
        elif key in found:
            errors.append(f"Invalid environment. Line {number} sets {key} a second time")
        else:
            found[key] = value.strip()
    if errors:
        raise Invalid(errors)
    return found


def _resources(values: Mapping[str, str], defaults: Resources | None) -> dict[str, object]:
    given: dict[str, object] = {}
    for name in _RESOURCES:
        if values.get(name):
            given[name] = _number(values[name])
        elif defaults is not None:
            given[name] = getattr(defaults, name)
    return given


def _number(text: str) -> int | str:
    """A whole number, or the text itself for the rules to refuse in their own words."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text
