"""Doctor: each need met and unmet, and how the command shows it."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from paas.cli.exits import FAILED, OK, USAGE
from paas.services import doctor, machine
from paas.services.findings import Finding
from paas.settings import Settings
from paas.store import setup

from .conftest import Paas


def found(check: Callable[[Settings], object], settings: Settings) -> dict[str, Finding]:
    """What a check found, by name."""
    return {one.name: one for one in check(settings)}  # type: ignore[attr-defined]


def test_a_machine_that_tests_can_run_on_is_well(settings: Settings) -> None:
    setup.prepare(settings)
    findings = doctor.examine(settings)
    assert [one for one in findings if not one.ok] == []
    names = {one.name for one in findings}
    assert names >= {
        *("python", "terraform", "git", "redis", "database", "disk", "instance", "doors"),
        *("target", "frameworks", "clock", "limit: open files"),
    }


def test_an_instance_that_is_not_there_yet_is_well(settings: Settings) -> None:
    bare = replace(settings, redis_url="")
    assert found(doctor._database, bare)["database"].ok
    assert found(machine.folder, bare)["instance"].ok
    assert found(doctor._redis, bare)["redis"].ok
    assert not settings.instance.exists()


def test_open_secrets_are_found(settings: Settings) -> None:
    setup.prepare(settings)
    (settings.instance / "token").chmod(0o644)
    settings.instance.chmod(0o755)
    findings = found(machine.folder, settings)
    assert findings["token"].mend == f"chmod 600 {settings.instance / 'token'}"
    assert findings["instance"].mend.startswith("chmod 7")


def test_an_old_database_is_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    setup.prepare(settings)
    monkeypatch.setattr(doctor, "_newest_revision", lambda: "9999")
    finding = found(doctor._database, settings)["database"]
    assert (finding.ok, finding.mend) == (False, "paas migrate")


def test_a_database_that_is_away_is_found_and_its_password_is_not_shown(
    settings: Settings,
) -> None:
    setup.prepare(settings)
    url = "postgresql+psycopg://me:secret@127.0.0.1:1/none"
    finding = found(doctor._database, replace(settings, database_url=url))["database"]
    assert not finding.ok
    assert "secret" not in finding.says


def test_a_lost_key_is_found(settings: Settings) -> None:
    setup.prepare(settings)
    (settings.instance / "secret.key").unlink()
    assert "secret.key is missing" in found(doctor._database, settings)["database"].says


def test_a_redis_that_is_away_is_found_and_its_password_is_not_shown(settings: Settings) -> None:
    away = replace(settings, redis_url="redis://:secret@127.0.0.1:1/0")
    finding = found(doctor._redis, away)["redis"]
    assert not finding.ok
    assert "secret" not in finding.says + finding.mend


def test_a_full_disk_is_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "FREE_MB", 1 << 60)
    monkeypatch.setattr(machine, "FREE_INODES", 1 << 62)
    findings = found(machine.disk, settings)
    assert [one.ok for one in findings.values()] == [False] * len(findings)
    assert "PAAS_INSTANCE" in findings["disk"].mend


def test_a_clock_that_is_behind_is_found(settings: Settings) -> None:
    setup.prepare(settings)
    assert found(machine.clock, settings)["clock"].ok
    tomorrow = time.time() + 86_400
    os.utime(settings.instance / "paas.db", (tomorrow, tomorrow))
    assert not found(machine.clock, settings)["clock"].ok


def test_low_limits_are_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.resource, "getrlimit", lambda _kind: (16, 16))
    findings = found(machine.limits, settings)
    assert not any(one.ok for one in findings.values())
    assert findings["limit: open files"].mend == "ulimit -n 4096"
    assert findings["limit: file size"].mend == "ulimit -f unlimited"


def test_closed_folders_above_the_instance_are_found(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.os, "geteuid", lambda: 0)
    assert found(machine.reach, settings)["reach"].ok
    settings.instance.parent.chmod(0o700)
    finding = found(machine.reach, settings)["reach"]
    assert (finding.ok, finding.mend.split()[0]) == (False, "chmod")
    monkeypatch.setattr(machine.os, "geteuid", lambda: 1000)
    assert found(machine.reach, settings) == {}


def test_doors_that_stand_open_are_loud(settings: Settings) -> None:
    wide = replace(settings, host="0.0.0.0", local_unsafe=True, api_token="short")
    findings = found(doctor._doors, wide)
    assert "IS SET" in findings["unsafe"].says
    assert {name for name, one in findings.items() if not one.ok} == {"hosts", "token", "unsafe"}
    assert set(found(doctor._doors, settings)) == {"doors"}


def test_frameworks_without_a_runtime_are_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Target:
        def refusals(self, framework: str) -> list[str]:
            return [] if framework == "flask" else [f"{framework} needs something."]

    monkeypatch.setattr(doctor, "build_targets", lambda *_: {"local": Target()})
    findings = found(doctor._runtimes, settings)
    assert findings["frameworks"].says == "This machine runs flask."
    assert "Refused: express needs something." in findings["framework express"].says


def test_the_command_shows_what_to_do(paas: Paas, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = Finding("git", True, "git 2."), Finding("redis", False, "No Redis.", "start it")
    monkeypatch.setattr(doctor, "examine", lambda _settings: [good, bad])
    result = paas("doctor")
    assert result.code == FAILED
    assert result.out.splitlines() == [
        "ok   git: git 2.",
        "BAD  redis: No Redis.",
        "     mend: start it",
    ]
    document = paas("doctor", "--json").document
    assert document["success"] is False
    assert document["findings"][1]["mend"] == "start it"
    monkeypatch.setattr(doctor, "examine", lambda _settings: [good])
    assert paas("doctor").code == OK


def test_settings_that_cannot_be_used_are_a_sentence(
    paas: Paas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAAS_PORT", "many")
    result = paas("doctor")
    assert result.code == USAGE
    assert "PAAS_PORT" in result.err


def test_the_platform_verbs_hand_the_settings_on(
    paas: Paas, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from paas import jobs, running

    seen: list[tuple[str, Path]] = []

    def note(verb: str) -> Callable[..., int]:
        return lambda settings, **_options: seen.append((verb, settings.instance)) or 0

    monkeypatch.setattr(running, "run", note("run"))
    monkeypatch.setattr(running, "demo", note("demo"))
    monkeypatch.setattr(jobs, "work", note("worker"))
    monkeypatch.setattr(jobs, "sweep", note("sweep"))
    monkeypatch.setattr(setup, "prepare", note("migrate"))
    verbs = ["run", "demo", "worker", "sweep", "migrate"]
    assert [paas(verb).code for verb in verbs] == [OK] * len(verbs)
    assert seen == [(verb, tmp_path / "instance") for verb in verbs]
