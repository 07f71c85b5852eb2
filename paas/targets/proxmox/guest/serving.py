"""Releases that run: start, look, switch, end."""

import hashlib
import json
import os
import stat
import subprocess
import time
from collections.abc import Collection
from functools import cached_property

from paas.targets.local.sandbox import health, layout, processes, removal, sockets
from paas.targets.local.sandbox.entering import Options
from paas.targets.local.sandbox.layout import GuestError

from . import places, state, units

LOOK_AGAIN = 0.05
# A whole look asks systemd, which takes from the time in which the app would start.
WHOLE_LOOK_SECONDS = 0.5
LISTENER_SECONDS = 0.02
SWITCH_PATIENCE = 30.0
DRAIN_SECONDS = 10.0
MOST_SETTINGS = 16 * 1024 * 1024
ESTABLISHED, LISTENING = "01", "0A"

Answer = dict[str, object]


class Release:
    """A release as systemd has it, in the shape that ``sandbox.health`` looks at."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.unit = units.app(number)
        self.known = known(number)
        self.port = int(str(self.known.get("port") or 0))
        self.shown = units.show(self.unit)

    @property
    def keeper(self) -> int | None:
        is_running = self.shown.get("ActiveState") == "active"
        return int(self.shown.get("MainPID") or 0) or None if is_running else None

    @cached_property
    def tree(self) -> list[int]:
        return list(units.processes_of(self.unit))

    @property
    def crashes(self) -> int:
        return int(self.shown.get("NRestarts") or 0)

    @cached_property
    def last_words(self) -> str:
        argv = ["journalctl", "--quiet", "--unit", self.unit, "--identifier", "app"]
        argv += ["--lines", "5", "--output", "cat", "--no-pager"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""


def known(number: int) -> dict[str, object]:
    """What a release was last started with; empty when it never was."""
    try:
        return layout.read_json(places.release_file(number))
    except FileNotFoundError:
        return {}


def start_release(number: int, options: Options) -> Answer:
    """Run a release beside the current one; one that runs just so is left alone."""
    machine = places.load()
    settings = _settings(machine, number)
    fingerprint = hashlib.sha256(settings + json.dumps(options).encode()).hexdigest()
    before = known(number)
    unit = units.app(number)
    # Its end may be under way, from when it last served.
    units.control("stop", "--", units.drain(number))
    if before.get("fingerprint") == fingerprint and units.is_active(unit):
        return {"release": number, "port": before["port"], "started": False}
    units.control("stop", "--", unit)
    port = _port(machine, int(str(before.get("port") or 0)))
    values = {"port": port, "fingerprint": fingerprint, **options._asdict()}
    layout.write_json(places.release_file(number), values, places.READABLE)
    units.start_app(number)
    return {"release": number, "port": port, "started": True}


def _settings(machine: layout.Guest, number: int) -> bytes:
    """The release's settings, which lie where the app may write: no link of its own is followed."""
    name = machine.env_file(number).name
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with removal.opened(machine, "releases") as folder:
        try:
            if folder is None:
                raise FileNotFoundError
            with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
                if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return file.read(MOST_SETTINGS)
        except OSError:
            pass
    raise GuestError(f"The settings of release {number} are missing, so it cannot be started.")


def _port(machine: layout.Guest, before: int) -> int:
    """A private port, never the app's public one: its front may not be listening yet."""
    if before and before != machine.port and sockets.is_free(before):
        return before
    files = places.release_file(0).parent.glob("*.json")
    taken = {int(str(layout.read_json(file).get("port") or 0)) for file in files}
    return sockets.private_port(taken | {machine.port})


def look(number: int, path: str, patience: float) -> Answer:
    """The health of a release; waits so many seconds for it to become good or hopeless."""
    import asyncio

    machine = places.load()
    port = int(str(known(number).get("port") or 0))
    end = time.monotonic() + patience
    while True:
        _wait_for_listener(port, min(end, time.monotonic() + WHOLE_LOOK_SECONDS))
        verdict = asyncio.run(health.look(machine, Release(number), path))
        if verdict["ready"] or verdict["fatal"] or time.monotonic() >= end:
            return verdict
        time.sleep(LOOK_AGAIN)


def _wait_for_listener(port: int, end: float) -> None:
    while time.monotonic() < end and not _sockets(port, LISTENING):
        time.sleep(LISTENER_SECONDS)


def switch(number: int) -> Answer:
    """Let a release serve; every other one ends when its last connection has."""
    if not known(number):
        raise GuestError(f"Release {number} was never started here, so it cannot serve.")
    app, ending, front = units.show_each(units.app(number), units.drain(number), units.FRONT)
    if not units.is_over(ending):
        units.control("stop", "--", units.drain(number))
        app = units.show(units.app(number))
    if app.get("ActiveState") != "active":
        units.start_app(number)
    host, port = _wait_listening(number)
    state.write(state.State(number, host, port))
    units.link_boot(units.FRONT, units.app(number))
    if front.get("ActiveState") != "active":
        units.control("start", "--", units.FRONT)
    # Whatever runs, not what the state had: a switch that was cut off here is made good.
    others = [units.drain(other) for other in units.running_apps() if other != number]
    if others:
        units.control("start", "--no-block", "--", *others)
    return {"release": number}


def _wait_listening(number: int) -> tuple[str, int]:
    """The address and the private port at which the release answers."""
    end = time.monotonic() + SWITCH_PATIENCE
    while True:
        release = Release(number)
        host, reason = health.find_host(release)
        if host:
            return host, release.port
        if time.monotonic() > end:
            raise GuestError(f"Release {number} cannot serve: {reason}.")
        time.sleep(LOOK_AGAIN)


def drain(number: int) -> Answer:
    """End a release that does not serve any more, after its last connection or some seconds."""
    end = time.monotonic() + DRAIN_SECONDS
    port = int(str(known(number).get("port") or 0))
    while _sockets(port, ESTABLISHED) and time.monotonic() < end:
        if state.read().current == number:
            return {}
        time.sleep(LOOK_AGAIN * 2)
    if state.read().current != number:
        units.control("stop", "--", units.app(number))
    return {}


def _sockets(port: int, state: str) -> int:
    """How many sockets at a private port are in a state."""
    found = 0
    for table in ("tcp", "tcp6"):
        for line in (processes.PROC / "net" / table).read_text().splitlines()[1:]:
            fields = line.split()
            is_here = int(fields[1].rpartition(":")[2], 16) == port
            found += is_here and fields[3] == state
    return found


def retire(number: int) -> Answer:
    """End a release that does not serve, its half-done build included, and remove it."""
    if state.read().current == number:
        raise GuestError(f"Release {number} serves, so it cannot be retired.")
    units.control("stop", "--", units.WORK, units.app(number), units.drain(number))
    for archive in places.work_folder().glob("*.tar.gz"):
        archive.unlink()
    removal.remove_release(places.load(), number)
    places.release_file(number).unlink(missing_ok=True)
    return {}


def start() -> Answer:
    """Let the release that served last serve again."""
    present = state.read()
    if present.current is not None:
        units.link_boot(units.FRONT, units.app(present.current))
        units.start_app(present.current)
        units.control("start", "--", units.FRONT)
    return {}


def tidy(kept: Collection[str]) -> Answer:
    """Remove installed dependencies that no kept release needs, by hash."""
    return {"removed": removal.remove_dependencies(places.load(), kept)}
