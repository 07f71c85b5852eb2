"""The mirrors: that they speak as pip, npm and APT expect, and give nothing else away."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.lab import npm_registry
from tests.lab.mirrors import Mirrors


def npm_package(folder: Path, name: str, version: str) -> None:
    """An archive as ``npm pack`` writes it."""
    about = folder / "package.json"
    about.write_text(json.dumps({"name": name, "version": version}))
    archive = folder / f"{name.replace('@', '').replace('/', '-')}-{version}.tgz"
    with tarfile.open(archive, "w:gz") as files:
        files.add(about, "package/package.json")
    about.unlink()


@pytest.fixture
def mirrors(tmp_path: Path) -> Iterator[Mirrors]:
    packed, npm, pip = tmp_path / "packed", tmp_path / "npm", tmp_path / "pip"
    for folder in (packed, npm, pip / "wheels"):
        folder.mkdir(parents=True)
    for version in ("1.9.0", "1.10.0"):
        npm_package(packed, "@scope/name", version)
    npm_registry.arrange(packed, npm)
    (pip / "wheels" / "one.whl").write_bytes(b"wheel")
    (tmp_path / "secret").write_text("secret")
    served = Mirrors("127.0.0.1", 0, {"npm": npm, "pip": pip})
    served.start()
    yield served
    served.stop()


def test_a_package_of_npm_leads_to_its_archive(mirrors: Mirrors) -> None:
    about = requests.get(f"{mirrors.url}/npm/@scope%2fname", timeout=10).json()
    assert about["dist-tags"] == {"latest": "1.10.0"}
    address = about["versions"]["1.9.0"]["dist"]["tarball"]
    assert address.startswith(f"{mirrors.url}/npm/@scope/name/-/")
    assert requests.get(address, timeout=10).content[:2] == b"\x1f\x8b"


def test_files_are_listed_and_served(mirrors: Mirrors) -> None:
    assert "one.whl" in requests.get(f"{mirrors.url}/pip/wheels/", timeout=10).text
    assert requests.get(f"{mirrors.url}/pip/wheels/one.whl", timeout=10).content == b"wheel"
    assert "pip/wheels/one.whl" in mirrors.served


@pytest.mark.parametrize(
    "path",
    ["npm/absent", "npm/../secret", "pip/%2e%2e/secret", "pip//etc/passwd", "etc/passwd", ""],
)
def test_nothing_else_is_served(mirrors: Mirrors, path: str) -> None:
    request = requests.Request("GET", mirrors.url).prepare()
    request.url = f"{mirrors.url}/{path}"
    assert requests.Session().send(request, timeout=10).status_code == 404


def test_a_lock_file_names_what_fits_this_machine() -> None:
    lock = {
        "packages": {
            "": {"name": "app"},
            "node_modules/a": {"version": "1.0.0"},
            "node_modules/a/node_modules/@b/c": {"version": "2.0.0"},
            "node_modules/alias": {"name": "real", "version": "3.0.0"},
            "node_modules/mac": {"version": "1.0.0", "os": ["darwin"]},
            "node_modules/musl": {"version": "1.0.0", "os": ["linux"], "libc": ["musl"]},
        }
    }
    assert list(npm_registry.wanted(lock)) == ["a@1.0.0", "@b/c@2.0.0", "real@3.0.0"]
