"""A made-up release on a local file server: fetched, checked, refused in words."""

import hashlib
import os
import platform
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from paas.domain.errors import StepFailed
from paas.tools import tofu

VERSION = "9.9.9"
SCRIPT = b"#!/bin/sh\necho made up\n"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A folder that is laid out like the project's releases."""
    return make_release(tmp_path / "releases", VERSION)


def make_release(folder: Path, version: str) -> Path:
    place = folder / f"v{version}"
    place.mkdir(parents=True)
    archive = place / f"tofu_{version}_{tofu._system()}.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("LICENSE", "free")
        packed.writestr("tofu", SCRIPT)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    sums = f"{'0' * 64}  tofu_{version}_other.zip\n{digest}  {archive.name}\n"
    (place / f"tofu_{version}_SHA256SUMS").write_text(sums)
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url(release: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(release)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def fetch(mirror: str, tmp_path: Path) -> tuple[Path, list[str]]:
    said: list[str] = []
    return tofu.fetch(mirror, tmp_path / ".tools", version=VERSION, say=said.append), said


def test_the_release_is_fetched_checked_and_made_executable(url: str, tmp_path: Path) -> None:
    program, said = fetch(url, tmp_path)
    assert subprocess.run([program], capture_output=True, check=True).stdout == b"made up\n"
    assert "  100 %" in said
    assert sorted(path.name for path in program.parent.iterdir()) == ["tofu", "tofu.version"]


def test_a_second_fetch_asks_nobody(url: str, tmp_path: Path) -> None:
    fetch(url, tmp_path)
    assert fetch("http://127.0.0.1:1", tmp_path)[1] == []


def test_another_version_replaces_the_old_one(release: Path, tmp_path: Path) -> None:
    fetch(str(release), tmp_path)
    (tmp_path / ".tools" / "tofu.version").write_text("1.0.0")
    assert fetch(release.as_uri(), tmp_path)[1] != []


def test_a_changed_archive_is_refused(release: Path, tmp_path: Path) -> None:
    archive = next(release.glob("*/*.zip"))
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(StepFailed, match="not the file that the release's SHA256SUMS names"):
        fetch(str(release), tmp_path)
    assert list((tmp_path / ".tools").iterdir()) == []


def test_a_release_without_our_archive_is_refused(release: Path, tmp_path: Path) -> None:
    next(release.glob("*/*SHA256SUMS")).write_text(f"{'0' * 64}  other.zip\n")
    with pytest.raises(StepFailed, match="does not name tofu_9"):
        fetch(str(release), tmp_path)


def test_a_place_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match=r"cannot be fetched: .*TOFU_MIRROR"):
        fetch("http://127.0.0.1:1", tmp_path)


def test_an_unknown_machine_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    with pytest.raises(StepFailed, match="not fetched for vax"):
        fetch(str(tmp_path), tmp_path)


def test_it_runs_as_a_program(tmp_path: Path) -> None:
    release = make_release(tmp_path / "pinned", tofu.VERSION)
    environment = {**os.environ, "TOFU_MIRROR": str(release)}
    argv = [sys.executable, "-m", "paas.tools.tofu", str(tmp_path / "tools")]
    done = subprocess.run(argv, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    environment["TOFU_MIRROR"] = str(tmp_path / "nothing")
    argv[-1] = str(tmp_path / "other")
    done = subprocess.run(argv, env=environment, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"cannot be fetched" in done.stderr
