"""Which units the guest program starts and ends, without systemd."""

import os
import socket
import threading
from pathlib import Path

import pytest

from paas.targets.local.sandbox import layout, sockets
from paas.targets.local.sandbox.entering import Options
from paas.targets.proxmox.guest import places, serving, state, units
from tests import aio

MACHINE = {
    "uuid": "u",
    "marker": "m",
    "hostname": "shop",
    "address": "10.0.0.20",
    "port": 8000,
    "cores": 1,
    "memory": 512,
    "disk": 8,
    "uid": 2000,
}


class Systemd:
    """Knows which releases run; remembers what it was told."""

    def __init__(self) -> None:
        self.running: set[int] = set()
        self.ending: set[int] = set()
        self.told: list[tuple[str, ...]] = []

    def control(self, *words: str) -> str:
        self.told.append(words)
        if words[0] == "list-units":
            rows = (f"{units.app(one)} loaded active running x\n" for one in self.running)
            return "".join(rows)
        return ""

    def show(self, unit: str) -> dict[str, str]:
        if unit in (units.drain(number) for number in self.ending):
            return {"ActiveState": "inactive", "Job": "17"}
        running = [units.FRONT, *(units.app(number) for number in self.running)]
        return {"ActiveState": "active" if unit in running else "inactive", "Job": "0"}

    def show_each(self, *names: str) -> list[dict[str, str]]:
        return [self.show(name) for name in names]


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    made = Systemd()
    monkeypatch.setattr(places, "STATE", tmp_path / "state")
    monkeypatch.setattr(places, "HOME", tmp_path / "home")
    monkeypatch.setattr(places, "UNITS", tmp_path / "units")
    for folder in (places.release_file(0).parent, places.HOME / "releases", places.UNITS):
        folder.mkdir(parents=True)
    layout.write_json(layout.marker_file(places.STATE), MACHINE)
    monkeypatch.setattr(units, "control", made.control)
    monkeypatch.setattr(units, "show", made.show)
    monkeypatch.setattr(units, "show_each", made.show_each)
    monkeypatch.setattr(serving.health, "find_host", lambda release: ("127.0.0.1", ""))
    return made


def start(systemd: Systemd, number: int) -> serving.Answer:
    places.load().env_file(number).write_text("{}")
    answer = serving.start_release(number, Options())
    systemd.running.add(number)
    return answer


def test_a_release_that_still_runs_is_not_ended_behind_its_back(systemd: Systemd) -> None:
    start(systemd, 1)
    systemd.told.clear()
    assert start(systemd, 1)["started"] is False
    assert systemd.told == [("stop", "--", units.drain(1))]


def test_a_switch_ends_every_other_release_also_after_one_that_was_cut_off(
    systemd: Systemd,
) -> None:
    for number in (1, 2, 3):
        start(systemd, number)
    # The switch to 3 died after it had written the state: nobody has drained 2, nor 1.
    state.write(state.State(3, "127.0.0.1", 20001))
    systemd.told.clear()
    serving.switch(3)
    assert systemd.told[-1] == ("start", "--no-block", "--", units.drain(1), units.drain(2))


def test_a_switch_asks_systemd_for_no_more_than_has_to_happen(systemd: Systemd) -> None:
    start(systemd, 1)
    systemd.told.clear()
    serving.switch(1)
    assert [words[0] for words in systemd.told] == ["list-units"]


def test_a_release_whose_end_has_been_asked_for_serves_again(systemd: Systemd) -> None:
    start(systemd, 1)
    systemd.ending.add(1)
    systemd.told.clear()
    serving.switch(1)
    assert systemd.told[0] == ("stop", "--", units.drain(1))


def test_systemd_is_asked_about_several_units_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "ActiveState=active\nMainPID=7\n\nActiveState=inactive\nMainPID=0\n"
    monkeypatch.setattr(units, "control", lambda *words: said)
    assert units.show_each("a", "b") == [
        {"ActiveState": "active", "MainPID": "7"},
        {"ActiveState": "inactive", "MainPID": "0"},
    ]


def test_a_private_port_is_never_the_public_one(
    systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[set[int]] = []
    monkeypatch.setattr(sockets, "private_port", lambda taken: refused.append(taken) or 20001)
    assert start(systemd, 1)["port"] == 20001
    assert refused == [{8000}]


def test_settings_that_the_app_has_replaced_by_a_trap_are_not_read(
    systemd: Systemd, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("{}")
    file = places.load().env_file(1)
    for trap in (lambda: file.symlink_to(secret), lambda: os.mkfifo(file), lambda: file.mkdir()):
        trap()
        with pytest.raises(layout.GuestError, match="settings of release 1 are missing"):
            serving.start_release(1, Options())
        file.rmdir() if file.is_dir() else file.unlink()
    folder = file.parent
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / file.name).write_text("{}")
    folder.rmdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(layout.GuestError, match="settings of release 1 are missing"):
        serving.start_release(1, Options())


def test_a_guest_that_cannot_sandbox_is_remembered(
    systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "version", lambda: 252)
    unit = places.UNITS / "paas-app@.service"
    units.install()
    assert "ProtectSystem" in unit.read_text()

    def control(*words: str) -> str:
        if words[0] == "start" and "ProtectSystem" in unit.read_text():
            raise layout.GuestError("failed")
        return ""

    monkeypatch.setattr(units, "control", control)
    monkeypatch.setattr(units, "show", lambda unit: {"ExecMainStatus": "226"})
    units.start_app(1)
    assert "ProtectSystem" not in unit.read_text()
    assert units.install() is False
    assert "ProtectSystem" not in unit.read_text()


def test_systemd_is_not_asked_while_nobody_listens(
    systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    async def look(*_about: object) -> serving.Answer:
        looks.append(1)
        return {"ready": True, "reason": "it answered", "fatal": False}

    start(systemd, 1)
    monkeypatch.setattr(serving.health, "look", look)
    monkeypatch.setattr(serving, "WHOLE_LOOK_SECONDS", 60.0)
    opened: list[socket.socket] = []
    port = serving.Release(1).port
    timer = threading.Timer(0.2, lambda: opened.append(socket.create_server(("127.0.0.1", port))))
    timer.start()
    assert aio.apart(serving.look, 1, "/", 60.0)["ready"]
    assert (len(looks), len(opened)) == (1, 1)
    opened[0].close()


def test_a_release_that_never_listens_is_told_of_in_time(
    systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(systemd, 1)
    systemd.running.discard(1)
    verdict = aio.apart(serving.look, 1, "/", 0.0)
    assert (verdict["ready"], verdict["fatal"]) == (False, False)
    assert str(verdict["reason"]).startswith("the app has ended")
