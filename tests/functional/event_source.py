"""npm's `eventsource` for Node, which sends the headers that browsers leave out."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lab.caching import once

# From version 3 on it takes no `headers` any more, which the document's example gives.
PACKAGE = "eventsource@2.0.2"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "paas-tests"


def modules() -> Path:
    """The folder for ``NODE_PATH``; skips the test where it cannot be had."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed, so the JavaScript example was not run")
    return once(CACHE, PACKAGE, _install) / "node_modules"


def _install(place: Path) -> None:
    place.mkdir(parents=True)
    command = ["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]
    patience = ["--fetch-retries=1", "--fetch-timeout=20000"]
    done = subprocess.run(
        [*command, *patience, PACKAGE],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("npm error")]
        said = "; ".join(errors[:2]) or "it did not say why"
        pytest.skip(
            f"npm could not install {PACKAGE}, so the JavaScript example was not run: {said}"
        )
