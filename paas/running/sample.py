"""The bundled sample as a repository that the platform can fetch without a network."""

import shutil
import subprocess
from pathlib import Path

from paas.domain.errors import Unavailable
from paas.settings import CHECKOUT

REPOSITORY = "https://github.com/samples/flask"
SAMPLE = CHECKOUT / "frameworks" / "samples" / "flask"
_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (
        ("NAME", "PaaS demo"),
        ("EMAIL", "demo@localhost"),
        ("DATE", "2026-01-01T00:00:00Z"),
    )
}


def make_mirror(mirror: Path, sample: Path = SAMPLE) -> Path:
    """Make ``mirror`` a stand-in for github.com that has the one repository, made anew."""
    repository = mirror / "samples" / "flask"
    shutil.rmtree(mirror, ignore_errors=True)
    try:
        shutil.copytree(sample, repository, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    except (OSError, shutil.Error) as error:
        raise Unavailable(f"The sample {sample} cannot be copied to {mirror}: {error}") from error
    for arguments in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all", "--force"),
        ("commit", "--quiet", "--message", "The Flask sample"),
    ):
        _git(repository, *arguments)
    return mirror


def _git(repository: Path, *arguments: str) -> None:
    # The user's own configuration (hooks, signing) must not take part.
    environment = {
        **_IDENTITY,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "HOME": str(repository),
    }
    program = shutil.which("git")
    if program is None:
        raise Unavailable("git is not installed. On Debian and Ubuntu: apt install git.")
    ended = subprocess.run(
        [program, *arguments],
        cwd=repository,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise Unavailable(f"git {arguments[0]} of the sample failed: {ended.stderr.strip()}")
