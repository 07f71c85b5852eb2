"""Which languages and versions target ``local`` accepts, and what it says otherwise."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from paas.domain.specs import BuildPlan
from paas.targets.local import runtimes
from paas.targets.local.runtimes import Runtimes
from paas.targets.local.target import LocalTarget
from tests.factories import build_plan

SAID = {
    "python3.11": "3.11.9",
    "python3.12": "3.12.1",
    "node": "20.5.1",
    "php": "8.2.4",
    "go": "go1.22.4",
}


class Host:
    """A machine with the programs above in a folder, and a uv that installs or fails."""

    def __init__(self, folder: Path, *, can_install: bool = False) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir(mode=0o755)
        self.calls: list[list[str]] = []
        self.can_install = can_install
        self.runtimes = folder / "runtimes"
        for name in (*SAID, "uv", "npm", "python3.12-config"):
            self.put(self.bin / name)

    @staticmethod
    def put(path: Path) -> None:
        path.touch()
        path.chmod(0o755)

    def run(self, argv: Sequence[str], env: Mapping[str, str]) -> tuple[int, str]:
        self.calls.append(list(argv))
        path = Path(argv[0])
        if path.name == "uv":
            if not self.can_install:
                return 1, "error: no such version\n"
            made = self.runtimes / "cpython-3.13.1/bin"
            made.mkdir(parents=True)
            self.put(made / "python3.13")
            return 0, ""
        version = SAID.get(path.name, "3.13.1")
        return 0, f"{version}\n{path.parent.parent if path.name == 'go' else path}\n"

    @property
    def program_calls(self) -> list[list[str]]:
        return [call for call in self.calls if Path(call[0]).name != "uv"]


@pytest.fixture
def host(instance: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    instance.mkdir(mode=0o755)
    found = Host(instance)
    monkeypatch.setattr(runtimes, "FOLDERS", (str(found.bin),) * 4)
    monkeypatch.setattr(runtimes, "PATTERNS", ())
    return found


def local(host: Host) -> LocalTarget:
    return LocalTarget(
        host.bin.parent,
        "installation",
        "127.77.0.0/16",
        frameworks={
            "flask": "python",
            "express": "node",
            "gin": "go",
            "odd": "cobol",
            "s": "static",
        },
        environment={"PATH": "", "HOME": ""},
        run=host.run,
        uv=host.bin / "uv",
    )


def plan(runtime: str, version: str | None, **changes: object) -> BuildPlan:
    return build_plan(runtime=runtime, framework="x", runtime_version=version, **changes)


@pytest.mark.parametrize(
    ("runtime", "version"),
    [
        ("python", None),
        ("python", "3.12"),
        ("python", ">=3.10,<3.12"),
        ("node", "20"),
        ("node", ">=18 <21"),
        ("node", "18 || ^20.1.0"),
        ("go", "1.21"),
        ("go", "1.22.4"),
        ("php", "^8.1"),
        ("static", None),
    ],
)
def test_what_the_host_has_is_accepted(host: Host, runtime: str, version: str | None) -> None:
    assert local(host).plan_refusals(plan(runtime, version)) == []


@pytest.mark.parametrize(
    ("runtime", "version", "words"),
    [
        ("python", "3.9", ["Python 3.9", "3.11.9", "3.12.1"]),
        ("node", "22", ["Node.js 22", "20.5.1"]),
        ("go", "1.23", ["Go 1.23", "1.22.4"]),
        ("php", "^7.4", ["PHP ^7.4", "8.2.4"]),
    ],
)
def test_what_it_lacks_is_refused_in_words(
    host: Host, runtime: str, version: str, words: list[str]
) -> None:
    (sentence,) = local(host).plan_refusals(plan(runtime, version))
    assert all(word in sentence for word in words), sentence


def test_a_missing_python_is_installed_where_uv_can(host: Host) -> None:
    target = local(host)
    (sentence,) = target.plan_refusals(plan("python", "3.13"))
    assert "uv could not install it: error: no such version." in sentence
    host.can_install = True
    assert target.plan_refusals(plan("python", "3.13")) == []
    chosen = target.runtimes.choose("python", "3.13")
    assert chosen is not None
    assert chosen.program.startswith(str(host.runtimes))


def test_a_framework_without_its_runtime_is_refused(host: Host) -> None:
    target = local(host)
    assert target.refusals("flask") == target.refusals("s") == []
    (host.bin / "node").unlink()
    assert "needs Node.js" in target.refusals("express")[0]
    assert "cobol" in target.refusals("odd")[0]


def test_a_missing_installer_is_refused(host: Host) -> None:
    target = local(host)
    uv = ("uv", "pip", "install", "--python", "{runtime}")
    assert target.plan_refusals(plan("node", None, install=(("npm", "ci"), uv))) == []
    (sentence,) = target.plan_refusals(plan("php", None, install=(("composer", "install"),)))
    assert "composer" in sentence


def test_a_program_is_asked_once_and_again_when_it_changes(host: Host) -> None:
    local(host).refusals("flask")
    asked = len(host.program_calls)
    assert asked == 2
    local(host).refusals("flask")
    assert len(host.program_calls) == asked
    (host.bin / "python3.12").write_text("another")
    local(host).refusals("flask")
    assert len(host.program_calls) == asked + 1


def test_what_other_users_cannot_enter_does_not_count_for_them(host: Host) -> None:
    def versions(*, is_shared: bool) -> list[str]:
        found = Runtimes(host.run, {}, host.runtimes, host.bin / "uv", is_shared=is_shared)
        return [it.version for it in found.find("node")]

    assert versions(is_shared=True) == ["20.5.1"]
    host.bin.chmod(0o700)
    assert versions(is_shared=True) == []
    assert versions(is_shared=False) == ["20.5.1"]


def test_the_real_host_has_a_python(target: LocalTarget) -> None:
    found = target.runtimes.find("python")
    assert found
    assert all(os.access(it.program, os.X_OK) for it in found)
    assert target.plan_refusals(plan("python", found[0].version)) == []


def test_what_is_installed_meanwhile_is_found_a_moment_later(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    (host.bin / "node").unlink()
    target = local(host)
    assert target.refusals("express")
    host.put(host.bin / "node")
    assert target.refusals("express")
    now[0] += runtimes.REMEMBERED_SECONDS
    assert target.refusals("express") == []
