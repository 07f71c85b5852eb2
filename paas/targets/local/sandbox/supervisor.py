"""The supervisor of a guest: owns its address, runs its releases, obeys its control socket."""

import asyncio
import os
import signal
import socket
from typing import NamedTuple

from . import health, kernel, processes, sockets
from .applog import AppLog
from .entering import Options
from .forwarder import Forwarder, Upstream
from .layout import Guest, GuestError, log_folder, read_json, save, state_file, write_json
from .release import Release

DRAIN = 10.0
SWITCH_PATIENCE = 30.0
TICK = 1.0
LOOK_AGAIN = 0.05


class State(NamedTuple):
    """What should be: ``options`` are those of the current release."""

    current: int | None = None
    wanted: str = "running"
    options: Options = Options()


class Supervisor:
    """Everything about one guest that lives."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.log = AppLog(log_folder(guest.folder))
        self.state = read_state(guest)
        self.releases: dict[int, Release] = {}
        self.forwarder = Forwarder(self._serving)
        self.is_over = asyncio.Event()
        self._draining: set[asyncio.Task[None]] = set()
        self._looked = 0.0

    async def run(self, public: socket.socket | None) -> None:
        """Serve until told to end; nothing of the app is left then.

        ``public`` listens at the guest's address; None for a guest that should be stopped.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.is_over.set)
        if public:
            await self.forwarder.open(public)
            self._start_current()
        watch = loop.create_task(self._watch())
        await self.is_over.wait()
        watch.cancel()
        self.forwarder.close()
        await asyncio.gather(*(release.stop() for release in self.releases.values()))
        self.log.close()

    def _start_current(self) -> None:
        if self.state.current is None:
            return
        try:
            self._ensure(self.state.current, self.state.options)
        except (GuestError, OSError) as error:
            self.log.write("supervisor", f"release {self.state.current} cannot start: {error}")

    def _serving(self) -> Upstream | None:
        """Where connections go: only to a port that the release's own processes hold."""
        release = self.releases.get(self.state.current or 0)
        if release is None:
            return None
        now = asyncio.get_running_loop().time()
        if not release.host and now - self._looked > LOOK_AGAIN:
            self._looked = now
            release.host = health.find_host(release)[0]
        return Upstream(release.number, release.host, release.port)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            for release in self.releases.values():
                release.check_memory()

    def _reap(self) -> None:
        """Collect dead children. A child that is no keeper has lost its keeper and is killed."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            code = os.waitstatus_to_exitcode(status)
            for release in self.releases.values():
                if release.keeper == pid:
                    self._kill_strays(pid)
                    release.ended(code if code >= 0 else 128 - code)
        self._kill_strays(0)

    def _kill_strays(self, gone: int) -> None:
        keepers = {release.keeper for release in self.releases.values()} - {gone, None}
        for child in processes.children(os.getpid()):
            if child not in keepers:
                processes.send_signal([child, *processes.descendants(child)], signal.SIGKILL)

    def _ensure(self, number: int, options: Options) -> Release:
        """The release, running or being started again."""
        release = self.releases.get(number)
        if release is None:
            release = Release(self.guest, number, options, self.log)
            self.releases[number] = release
        release.start()
        return release

    async def start_release(self, number: int, options: Options) -> Release:
        """Run a release beside the current one; started anew if its file or options changed."""
        release = self.releases.get(number)
        if release and (
            not release.is_wanted
            or release.keeper is None
            or release.options != options
            or release.fingerprint != release.read_fingerprint()
        ):
            await self._drop(number)
        return self._ensure(number, options)

    async def look(self, number: int, path: str) -> dict[str, object]:
        """The health of a release; one that a dead supervisor left behind is started first."""
        release = self.releases.get(number)
        if release is None:
            release = self._ensure(number, self._options_of(number))
        return await health.look(self.guest, release, path)

    def _options_of(self, number: int) -> Options:
        return self.state.options if number == self.state.current else Options()

    async def switch(self, number: int) -> None:
        """Let a release serve; the one before is drained and ended in the background."""
        release = await self._listening(number)
        before = self.state.current
        self._save(State(number, "running", release.options))
        if not self.forwarder.is_open:
            await self.forwarder.open(sockets.listen(self.guest.address, self.guest.port))
        if before is not None and before != number and before in self.releases:
            task = asyncio.get_running_loop().create_task(self._drain(before))
            self._draining.add(task)
            task.add_done_callback(self._draining.discard)

    async def _listening(self, number: int) -> Release:
        """The release once it answers; one whose end has begun meanwhile is started anew."""
        while True:
            release = self.releases.get(number)
            if release and not release.is_wanted:
                await self._drop(number)
                release = None
            release = release or self._ensure(number, self._options_of(number))
            await self._wait_listening(release)
            if release.is_wanted:
                return release

    async def _wait_listening(self, release: Release) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + SWITCH_PATIENCE
        while True:
            host, reason = health.find_host(release)
            if host:
                release.host = host
                return
            if loop.time() > end:
                raise GuestError(f"Release {release.number} cannot serve: {reason}.")
            await asyncio.sleep(0.05)

    async def _drain(self, number: int) -> None:
        await self.forwarder.drain(number, DRAIN)
        if number != self.state.current:
            await self._drop(number)

    async def _drop(self, number: int) -> None:
        release = self.releases.get(number)
        if release:
            await release.stop()
            if self.releases.get(number) is release:
                del self.releases[number]

    async def retire(self, number: int) -> None:
        """End a release that does not serve."""
        if number == self.state.current:
            raise GuestError(f"Release {number} serves, so it cannot be retired.")
        self.forwarder.cut(number)
        await self._drop(number)

    async def stop(self) -> None:
        """End the app, refuse connections, and remember that it should not run."""
        self._save(self.state._replace(wanted="stopped"))
        self.forwarder.close()
        await asyncio.gather(*(self._drop(number) for number in tuple(self.releases)))
        for client in tuple(self.forwarder.clients):
            client.abort()

    async def start(self) -> None:
        """Start the current release again."""
        if not self.forwarder.is_open:
            await self.forwarder.open(sockets.listen(self.guest.address, self.guest.port))
        self._save(self.state._replace(wanted="running"))
        if self.state.current is not None:
            self._ensure(self.state.current, self.state.options)

    def resize(self, cores: int, memory: int, disk: int) -> None:
        """Take other resources on; running apps feel them at once."""
        self.guest = self.guest._replace(cores=cores, memory=memory, disk=disk)
        save(self.guest)
        for release in self.releases.values():
            release.guest = self.guest
            for pid in release.tree:
                kernel.pin(pid, self.guest)

    def status(self) -> dict[str, object]:
        """How the guest is, for people and tests."""
        releases = {
            str(number): {
                "port": release.port,
                "keeper": release.keeper,
                "processes": release.tree,
                "crashes": release.crashes,
                "memory": processes.memory(release.tree, self.guest.memory),
            }
            for number, release in self.releases.items()
        }
        return {
            "pid": os.getpid(),
            "address": self.guest.address,
            "port": self.guest.port,
            "current": self.state.current,
            "wanted": self.state.wanted,
            "releases": releases,
        }

    def _save(self, state: State) -> None:
        write_json(
            state_file(self.guest.folder), {**state._asdict(), "options": state.options._asdict()}
        )
        self.state = state


def read_state(guest: Guest) -> State:
    """What should be, as it was last written; a new guest runs without a release."""
    try:
        found = read_json(state_file(guest.folder))
    except FileNotFoundError:
        return State()
    current, options = found.get("current"), found.get("options")
    return State(
        current if isinstance(current, int) else None,
        str(found.get("wanted") or "running"),
        Options(**options) if isinstance(options, dict) else Options(),
    )
