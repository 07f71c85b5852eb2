"""The sample becomes a repository whatever the user's own git is set to."""

import subprocess
from pathlib import Path

import pytest

from paas.domain.errors import Unavailable
from paas.running.sample import make_mirror


def head(mirror: Path) -> str:
    repository = str(mirror / "samples" / "flask")
    command = ["git", "-C", repository, "-c", "safe.directory=*", "rev-parse", "main"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_sample_is_committed_and_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = tmp_path / "sample"
    sample.mkdir()
    (sample / "app.py").write_text("app = None\n")
    (tmp_path / ".gitconfig").write_text("[commit]\n\tgpgSign = true\n[core]\n\thooksPath = /x\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    mirror = make_mirror(tmp_path / "mirror", sample)
    monkeypatch.delenv("GIT_DIR")
    first = head(mirror)
    assert head(make_mirror(tmp_path / "mirror", sample)) == first
    (sample / "app.py").write_text("app = 1\n")
    assert head(make_mirror(tmp_path / "mirror", sample)) != first


def test_a_missing_sample_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"The sample .*nowhere cannot be copied"):
        make_mirror(tmp_path / "mirror", tmp_path / "nowhere")
