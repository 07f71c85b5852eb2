"""Parts of the guest program by themselves: what it reads, says, and makes of its machine."""

import json
import os
from pathlib import Path

import pytest

from paas.targets.local.sandbox import layout
from paas.targets.proxmox.guest import jobs, journal, places, setup


def test_output_without_an_end_of_line_goes_on_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "STATE", tmp_path)
    monkeypatch.setattr(jobs, "MOST_AT_ONCE", 8)
    places.work_folder().mkdir()
    (places.work_folder() / "output").write_text("0123456789\nend\n")
    first = jobs.follow(0, 5.0)
    assert first == {"lines": ["01234567"], "offset": 8, "working": True}
    assert jobs.follow(8, 5.0)["lines"] == ["89", "end"]


def test_a_search_through_an_endless_journal_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {
        "__REALTIME_TIMESTAMP": "1700000000000001",
        "MESSAGE": "hay",
        "PRIORITY": "3",
        "SYSLOG_IDENTIFIER": "app",
    }
    reader = tmp_path / "journalctl"
    reader.write_text(f"#!/bin/sh\nexec yes '{json.dumps(entry)}'\n")
    reader.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(journal, "MOST_BYTES", 100_000)
    assert journal.tail(10, "", "needle") == []
    at = "2023-11-14T22:13:20.000001+00:00"
    assert journal.tail(1, "", "hay") == [{"at": at, "stream": "stderr", "text": "hay"}]


def test_root_follows_no_link_that_the_app_has_put_into_its_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "STATE", tmp_path / "state")
    monkeypatch.setattr(places, "HOME", tmp_path / "home")
    # Root gives the folders to another user than the one who owns what the link leads to.
    number = 65534 if os.getuid() == 0 else os.getuid()
    monkeypatch.setattr(places, "owner", lambda: (number, number if number == 65534 else -1))
    precious = tmp_path / "etc"
    precious.mkdir()
    places.HOME.mkdir()
    (places.HOME / "tmp").symlink_to(precious)
    setup._make_folders()
    assert precious.stat().st_uid == os.getuid()
    assert not (places.HOME / "tmp").is_symlink()
    assert {path.stat().st_uid for path in places.HOME.iterdir()} == {number}
    (places.HOME / "cache").rmdir()
    (places.HOME / "cache").write_text("")
    with pytest.raises(layout.GuestError, match="home/cache is not a folder"):
        setup._make_folders()
