"""One release inside the supervisor: its process, its restarts, its memory."""

import asyncio
import os
import signal
import sys
from typing import NoReturn

from . import keeper, kernel, processes, sockets
from .applog import AppLog, LineReader
from .entering import APP, Options, enter
from .layout import Guest, GuestError

FIRST_DELAY = 0.5
LONGEST_DELAY = 60.0
HEALTHY_AFTER = 60.0


class Release:
    """Keeps a release running until it is told to stop."""

    def __init__(self, guest: Guest, number: int, options: Options, log: AppLog) -> None:
        self.guest = guest
        self.number = number
        self.options = options
        self.fingerprint = self.read_fingerprint()
        self.port = 0
        self.host = ""
        self.crashes = 0
        self.last_words = ""
        self._log = log
        self._keeper: int | None = None
        self._delay = FIRST_DELAY
        self._started = 0.0
        self._retry: asyncio.TimerHandle | None = None
        self._ended = asyncio.Event()
        self._ended.set()
        self.is_wanted = False
        """Whether it is to run: False from the moment on at which its end begins."""
        self._connecting: set[asyncio.Task[None]] = set()

    def read_fingerprint(self) -> tuple[object, ...]:
        """What changes when the release's own file does."""
        try:
            found = self.guest.env_file(self.number).lstat()
        except OSError:
            return ()
        return (found.st_mtime_ns, found.st_ino, found.st_size)

    @property
    def keeper(self) -> int | None:
        """The keeper's process id while the app runs."""
        return self._keeper

    @property
    def tree(self) -> list[int]:
        """The processes of the app."""
        return processes.descendants(self._keeper) if self._keeper else []

    def start(self) -> None:
        """Start the app now, unless it runs; a port that somebody took meanwhile is changed."""
        self.is_wanted = True
        if self._retry:
            self._retry.cancel()
            self._retry = None
        if self._keeper is not None:
            return
        if not self.port or not sockets.is_free(self.port):
            self.port = sockets.private_port(set())
        output, errors = self._pipe("stdout"), self._pipe("stderr")
        self._keeper = keeper.fork(self._launch, output, errors)
        os.close(output)
        os.close(errors)
        self._ended.clear()
        self._started = asyncio.get_running_loop().time()

    def _pipe(self, stream: str) -> int:
        """The end of a new pipe that the app writes to."""
        reading, writing = os.pipe()
        reader = LineReader(lambda line: self._hear(stream, line))
        task = asyncio.get_running_loop().create_task(_connect(reader, reading))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        return writing

    def _hear(self, stream: str, line: str) -> None:
        self._log.write(stream, line)
        self.last_words = line.strip()[:300] or self.last_words

    def _launch(self) -> NoReturn:
        """Become the app; runs in the keeper's child."""
        keeper_id = os.getppid()
        try:
            environment, settings = enter(
                self.guest, self.number, self.options, port=self.port, role=APP
            )
            start = str(settings.get("start") or "")
            if not start:
                raise GuestError(f"Release {self.number} has no start command.")
            kernel.die_with_parent(keeper_id, signal.SIGKILL)
            os.execve("/bin/sh", ["/bin/sh", "-c", start], environment)  # noqa: S606
        except (GuestError, OSError) as error:
            sys.stderr.write(f"The app cannot be started: {error}\n")
            sys.stderr.flush()
        os._exit(127)

    def ended(self, code: int) -> None:
        """Note that the keeper is gone, and start the app again if it should run."""
        self._keeper = None
        self.host = ""
        self._ended.set()
        if not self.is_wanted:
            return
        loop = asyncio.get_running_loop()
        if loop.time() - self._started >= HEALTHY_AFTER:
            self._delay = FIRST_DELAY
            self.crashes = 0
        self.crashes += 1
        self.say(f"release {self.number} {describe(code)}; it starts again in {self._delay:g} s")
        self._retry = loop.call_later(self._delay, self._start_again)
        self._delay = min(self._delay * 2, LONGEST_DELAY)

    def _start_again(self) -> None:
        self._retry = None
        try:
            self.start()
        except (GuestError, OSError) as error:
            self.say(f"release {self.number} cannot be started: {error}")
            self._retry = asyncio.get_running_loop().call_later(self._delay, self._start_again)

    async def stop(self) -> None:
        """End the app politely, then at once; returns when nothing of it is left."""
        self.is_wanted = False
        if self._retry:
            self._retry.cancel()
            self._retry = None
        if self._keeper is not None:
            processes.send_signal([self._keeper], signal.SIGTERM)
        await self._ended.wait()

    def check_memory(self) -> None:
        """Kill an app that uses more than its guest has."""
        limit = self.guest.memory
        used = processes.memory(self.tree, limit)
        if used > limit and self._keeper is not None:
            self.say(
                f"release {self.number} used {used} MB of memory and its guest has {limit} MB: "
                "it was ended. Give the app more memory, or let it use less."
            )
            processes.send_signal([self._keeper], signal.SIGHUP)

    def say(self, text: str) -> None:
        """Add a line of the supervisor to the app's log."""
        self._log.write("supervisor", text)


async def _connect(reader: LineReader, descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: reader, os.fdopen(descriptor, "rb"))


def describe(code: int) -> str:
    """An exit code in words."""
    if code > 128:
        try:
            return f"was ended by {signal.Signals(code - 128).name}"
        except ValueError:
            return f"ended with exit status {code}"
    return f"ended with exit status {code}"
