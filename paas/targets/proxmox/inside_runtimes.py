"""Which language a plan runs with in a guest: one of the template's, or one to be installed."""

from collections.abc import Sequence
from dataclasses import dataclass

from paas.domain.errors import StepFailed
from paas.domain.specs import BuildPlan
from paas.frameworks.versions import newest
from paas.targets.local.runtimes import KINDS, SERVED_BY, Kind
from paas.targets.proxmox.guest import places

# Where Debian's packages put the programs.
USUAL = {"python": "/usr/bin/python3", "node": "/usr/bin/node"} | {
    name: f"/usr/bin/{name}" for name in ("php", "go")
}
# Packages by the program that a plan runs, beyond what the role of its runtime installs.
PACKAGES = {
    "composer": ["composer", "unzip"],
    "npm": ["npm"],
    "npx": ["npm"],
    "node": ["nodejs"],
    "php": ["php-cli"],
    "go": ["golang-go"],
    "git": ["git"],
}


@dataclass(frozen=True)
class Choice:
    """The program to run with; ``python`` is the version that uv must install for it, if any."""

    program: str
    python: str = ""


def kind(plan: BuildPlan) -> Kind:
    """How the plan's language is found; raises ``StepFailed`` for one that guests cannot have."""
    found = KINDS.get(SERVED_BY.get(plan.runtime, plan.runtime))
    if found is None:
        raise StepFailed(refusal(plan.framework, plan.runtime))
    return found


def refusal(framework: str, runtime: str) -> str:
    """Why a guest cannot run this framework; empty if it can."""
    if SERVED_BY.get(runtime, runtime) in KINDS:
        return ""
    return f"Framework {framework} needs the runtime {runtime}, which guests cannot have."


def choose(plan: BuildPlan, hostname: str, found: Sequence[dict[str, str]]) -> Choice:
    """The newest that satisfies what the plan asks for, else what will be installed."""
    language = SERVED_BY.get(plan.runtime, plan.runtime)
    wanted = plan.runtime_version if language == plan.runtime else None
    versions = [one["version"] for one in found]
    if wanted is None and found:
        return Choice(found[0]["program"])
    version = newest(language, wanted, versions)
    if version is not None:
        return Choice(next(one["program"] for one in found if one["version"] == version))
    if language == "python" and wanted is not None:
        return Choice(str(places.python_for(wanted) / "bin" / "python3"), wanted)
    if found:
        raise StepFailed(mismatch(language, str(wanted), hostname, versions))
    return Choice(USUAL[language])


def mismatch(language: str, wanted: str, hostname: str, versions: Sequence[str]) -> str:
    """The sentence for a version that the template lacks."""
    title = KINDS[language].title
    return (
        f"The repository asks for {title} {wanted}, and the template of the guest {hostname} has "
        f"{', '.join(versions)}. Use a template that has a fitting one (`paas templates build`), "
        "or change what the repository asks for"
    )


def check(plan: BuildPlan) -> dict[str, object]:
    """How versions are found once more after packages were installed."""
    found = kind(plan)
    return {"names": found.names.pattern, "probe": list(found.probe)}


def programs(plan: BuildPlan) -> dict[str, list[str]]:
    """The programs that installing needs, with the packages that bring them."""
    names = dict.fromkeys(argv[0] for argv in plan.install if argv)
    return {name: PACKAGES[name] for name in names if name in PACKAGES}


def needs_uv(plan: BuildPlan) -> bool:
    """Whether the plan installs anything with uv."""
    return plan.runtime == "python"
