"""A git mirror made of the bundled samples and of repositories that a test writes."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from paas.settings import CHECKOUT

SAMPLES = CHECKOUT / "frameworks" / "samples"
IDENTITY = {
    "GIT_AUTHOR_NAME": "Sample",
    "GIT_AUTHOR_EMAIL": "sample@example.org",
    "GIT_COMMITTER_NAME": "Sample",
    "GIT_COMMITTER_EMAIL": "sample@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "PATH": "/usr/bin:/bin:/usr/local/bin",
}


class Mirror:
    """Repositories under ``<folder>/<owner>/<name>``, as ``PAAS_GIT_MIRROR`` wants them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add_sample(self, key: str) -> str:
        """Put a sample in; returns the repository's URL as a user writes it."""
        place = self.folder / "samples" / key
        if not place.exists():
            ignored = shutil.ignore_patterns("node_modules", ".venv", "__pycache__", ".next")
            shutil.copytree(SAMPLES / key, place, ignore=ignored)
            self._git(place, "init", "-q", "-b", "main")
            self._commit(place, "The sample")
        return f"https://github.com/samples/{key}"

    def add(self, name: str, files: Mapping[str, str]) -> str:
        """Write files into a repository, made when it is new, and commit them."""
        place = self.folder / "tests" / name
        if not place.exists():
            place.mkdir(parents=True)
            self._git(place, "init", "-q", "-b", "main")
        for path, text in files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text)
        self._commit(place, "Change")
        return f"https://github.com/tests/{name}"

    def _commit(self, place: Path, message: str) -> None:
        self._git(place, "add", "-A", "-f")
        self._git(place, "commit", "-q", "--allow-empty", "-m", message)

    def _git(self, place: Path, *words: str) -> None:
        subprocess.run(["git", *words], cwd=place, env=IDENTITY, check=True, capture_output=True)
