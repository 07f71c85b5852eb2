"""The names that other platforms have for ways to build, as frameworks of our catalogue."""

from collections.abc import Sequence

from paas.domain.errors import StepFailed
from paas.frameworks.catalogue import Catalogue
from paas.frameworks.detect import guess
from paas.frameworks.source import SourceTree

# What a buildpack stands for: a runtime; the repository then says which framework it is.
RUNTIMES = {
    "python": "python",
    "nodejs": "node",
    "node": "node",
    "php": "php",
    "go": "go",
    "static": "static",
    "nginx": "static",
}
FAMILIES = ("heroku", "heroku-community", "paketo-buildpacks", "gcr.io/buildpacks")
# Of a runtime whose repository shows no framework: the one that asks for the least.
PLAIN = {"python": "flask", "node": "express", "php": "php", "go": "go", "static": "static"}


def runtime_of(buildpack: str) -> str | None:
    """The runtime that a buildpack's name asks for; None for a name that nobody knows."""
    family, _, name = buildpack.rpartition("/")
    if family and family not in FAMILIES:
        return None
    return RUNTIMES.get(name.removeprefix("buildpack-"))


def refusals(catalogue: Catalogue, buildpack: str | None) -> list[str]:
    """Why this buildpack cannot be had; empty when it can."""
    if buildpack is None or buildpack in catalogue or runtime_of(buildpack):
        return []
    known = ", ".join([*(f"heroku/{name}" for name in RUNTIMES), *sorted(catalogue)])
    return [f"Invalid buildpack. Must be one of: {known}"]


def choose(catalogue: Catalogue, buildpack: str | None, tree: SourceTree) -> str:
    """The framework of a repository, within what the buildpack says of it.

    Raises ``StepFailed`` when nothing in the repository says what it is.
    """
    if buildpack in catalogue and buildpack is not None:
        return buildpack
    runtime = runtime_of(buildpack) if buildpack else None
    found: Sequence[str] = guess(catalogue, tree)
    if runtime is not None:
        found = [key for key in found if catalogue[key].runtime == runtime] or [PLAIN[runtime]]
    if not found:
        raise StepFailed(
            "Nothing in the repository says how it is built. Name a buildpack, or add what the "
            f"framework is known by. Frameworks: {', '.join(sorted(catalogue))}"
        )
    return found[0]
