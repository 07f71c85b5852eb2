"""Run outside programs under the guard, and end them.

``Bench`` is what an attempt at an operation owns: every program of the attempt is started by
it, carries the attempt's mark, and lives on the attempt's ``Leash``.
"""

import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from paas.domain.errors import StepFailed, StepInterrupted
from paas.tools import guard
from paas.tools.lines import LineReader, OnLine

Stop = Callable[[], BaseException | None]
"""Asked at least four times a second; an exception ends the program and is raised."""

MARK = "PAAS_ATTEMPT"
POLL = 0.2
ENDING = 15.0
GUARD = str(Path(guard.__file__).resolve())
INHERITED = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
        *("http_proxy", "https_proxy", "no_proxy", "all_proxy", "REQUESTS_CA_BUNDLE"),
    }
)


def clean_environment(base: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, str]:
    """What a child may know of ``base``, by an allow-list, with ``extra`` over it."""
    kept = {name: value for name, value in base.items() if name in INHERITED}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", **kept, **extra}


@dataclass(frozen=True)
class Command:
    """A program to run: ``env`` is its whole environment, ``mark`` names the attempt.

    ``uninterruptible`` programs are never asked to stop; only the deadline and the leash end
    them. ``stdout`` takes the raw output into a file; ``file_bytes`` bounds each file that the
    program writes. ``name`` is what sentences call it.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    mark: str
    name: str = ""
    uninterruptible: bool = False
    stdout: Path | None = None
    file_bytes: int = 0

    @property
    def title(self) -> str:
        return self.name or Path(self.argv[0]).name


@dataclass(frozen=True)
class Exit:
    """How a program ended: a shell's exit code, and the wall seconds spent waiting for it."""

    code: int
    seconds: float


class Leash:
    """Keeps the programs of one attempt alive while somebody renews it; safe between threads.

    A guard that hears nothing for ``seconds`` ends its program.
    """

    def __init__(self, seconds: float = 20.0) -> None:
        self.seconds = seconds
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._is_cut = False
        self._waiting = 0
        self._since = 0.0
        self._total = 0.0

    def renew(self) -> None:
        """Tell every live guard that the worker still holds its lease."""
        with self._lock:
            for end in self._ends:
                try:
                    end.send(b".", socket.MSG_NOSIGNAL)
                except OSError:
                    continue

    def cut(self) -> None:
        """End every program now, and let none start any more."""
        with self._lock:
            self._is_cut = True
            for end in self._ends:
                _shut(end)

    @property
    def child_seconds(self) -> float:
        """Wall seconds during which at least one program was waited for."""
        with self._lock:
            running = time.monotonic() - self._since if self._waiting else 0.0
            return self._total + running

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time inside as spent on programs."""
        with self._lock:
            if not self._waiting:
                self._since = time.monotonic()
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1
                if not self._waiting:
                    self._total += time.monotonic() - self._since

    def attach(self, end: socket.socket) -> None:
        """Take a guard's line in; a cut leash takes none."""
        with self._lock:
            if self._is_cut:
                raise StepInterrupted("the work on this step was ended from outside")
            self._ends.add(end)

    def detach(self, end: socket.socket) -> None:
        """Forget a guard that has ended."""
        with self._lock:
            self._ends.discard(end)
            end.close()


def _shut(end: socket.socket) -> None:
    """Shutting down rather than closing: another thread may be waiting on the descriptor."""
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class Guarded:
    """A program under its guard, from its start until ``wait`` returns or ``end`` is called."""

    def __init__(self, command: Command, leash: Leash, *, with_input: bool = False) -> None:
        self.command = command
        self._leash = leash
        self._end, theirs = socket.socketpair()
        self._end.setblocking(False)
        try:
            leash.attach(self._end)
            self._process = self._start(theirs.fileno(), with_input)
        except BaseException:
            leash.detach(self._end)
            raise
        finally:
            theirs.close()

    def _start(self, keepalive: int, with_input: bool) -> "subprocess.Popen[bytes]":
        command = self.command
        options = ["--keepalive-fd", str(keepalive), "--seconds", str(self._leash.seconds)]
        if command.file_bytes:
            options += ["--file-bytes", str(command.file_bytes)]
        raw = command.stdout.open("wb") if command.stdout else None
        try:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", GUARD, *options, "--", *command.argv],
                cwd=command.cwd,
                env={**command.env, MARK: command.mark},
                stdin=subprocess.PIPE if with_input else subprocess.DEVNULL,
                stdout=raw or subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(keepalive,),
                bufsize=0,
            )
        except OSError as error:
            raise StepFailed(
                f"{command.title} could not be started", detail=f"{command.argv[0]}: {error}"
            ) from error
        finally:
            if raw:
                raw.close()

    def send(self, line: str) -> None:
        """Write a line to the program's input; needs ``with_input``."""
        if self._process.stdin is None:
            raise ValueError(f"{self.command.title} was started without an input")
        try:
            self._process.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:
            return

    def wait(
        self,
        *,
        on_line: OnLine,
        deadline: float,
        stop: Stop | None = None,
        on_error: OnLine | None = None,
    ) -> Exit:
        """Pass the output on line by line until the program has ended.

        Raises ``StepInterrupted`` when the deadline (seconds from now) passes or the leash is
        cut, and whatever ``stop`` gives; the program and its descendants are gone by then.
        """
        begin = time.monotonic()
        with self._leash.waiting():
            try:
                self._pump(on_line, on_error or on_line, begin + deadline, stop)
            finally:
                code = self.end()
        if code < 0:
            raise StepInterrupted(f"{self.command.title} was ended before it had finished")
        return Exit(code, time.monotonic() - begin)

    def _pump(self, on_line: OnLine, on_error: OnLine, end: float, stop: Stop | None) -> None:
        stop = None if self.command.uninterruptible else stop
        with selectors.DefaultSelector() as selector:
            readers = list(self._readers(selector, on_line, on_error))
            selector.register(self._end, selectors.EVENT_READ)
            guard_lives = True
            asked = 0.0
            while guard_lives:
                for key, _ in selector.select(POLL):
                    if key.fileobj is self._end:
                        guard_lives = False
                    elif not key.data.read():
                        selector.unregister(key.fileobj)
                now = time.monotonic()
                if stop and now - asked >= POLL and (reason := stop()):
                    raise reason
                asked = now if now - asked >= POLL else asked
                if now > end:
                    raise StepInterrupted(f"{self.command.title} took longer than it may")
            for reader in readers:
                reader.drain()

    def _readers(
        self, selector: selectors.BaseSelector, on_line: OnLine, on_error: OnLine
    ) -> Iterator[LineReader]:
        pairs: list[tuple[IO[bytes] | None, OnLine]] = [
            (self._process.stdout, on_line),
            (self._process.stderr, on_error),
        ]
        for stream, handler in pairs:
            if stream is not None:
                reader = LineReader(stream.fileno(), handler)
                selector.register(stream, selectors.EVENT_READ, reader)
                yield reader

    def end(self) -> int:
        """End the program with all its descendants, if it lives; idempotent.

        Returns its exit code, negative when the guard had to end it.
        """
        _shut(self._end)
        try:
            code = self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._leash.detach(self._end)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        return code


def run(
    command: Command,
    *,
    on_line: OnLine,
    deadline: float,
    leash: Leash,
    stop: Stop | None = None,
    on_error: OnLine | None = None,
) -> Exit:
    """Run a program under the guard to its end; see ``Guarded.wait`` for what it raises."""
    guarded = Guarded(command, leash)
    return guarded.wait(on_line=on_line, on_error=on_error, deadline=deadline, stop=stop)


@dataclass(frozen=True)
class Bench:
    """Where the programs of one attempt run: its leash, its mark, its way to be stopped.

    ``environment`` is the platform's own; children see the allowed part. ``deadline`` is in
    seconds and holds for each program. ``log(stream, line)`` takes readable lines.
    """

    mark: str
    environment: Mapping[str, str]
    log: Callable[[str, str], None]
    leash: Leash = field(default_factory=Leash)
    deadline: float = 1800.0
    stop: Stop | None = None

    def command(
        self, argv: list[str], *, cwd: Path, name: str, extra: Mapping[str, str]
    ) -> Command:
        """A command of this attempt with a clean environment plus ``extra``."""
        env = clean_environment(self.environment, extra)
        return Command(tuple(argv), cwd, env, self.mark, name=name)

    def run(self, command: Command, *, on_line: OnLine, on_error: OnLine | None = None) -> Exit:
        """Run a command on this attempt's leash and deadline."""
        return run(
            command,
            on_line=on_line,
            on_error=on_error,
            deadline=self.deadline,
            leash=self.leash,
            stop=self.stop,
        )

    def within(self, deadline: float) -> "Bench":
        """The same bench with another deadline."""
        return replace(self, deadline=deadline)


def kill_marked(mark_prefix: str) -> int:
    """Kill what is left on this host of attempts whose mark begins so, with all descendants.

    Give a prefix that ends where the operation's id does, such as ``<operation>-``. Processes
    that run guests are spared. Returns how many processes were killed.
    """
    wanted = f"{MARK}={mark_prefix}".encode()
    end = time.monotonic() + guard.GIVE_UP
    killed: set[int] = set()
    while time.monotonic() < end:
        tree = guard.children_of_all()
        marked = [pid for pids in tree.values() for pid in pids if _is_marked(pid, wanted)]
        doomed = [*guard.descendants(marked, tree), *marked]
        alive = [pid for pid in dict.fromkeys(doomed) if guard.kill([pid])]
        if not alive:
            break
        killed.update(alive)
        time.sleep(0.002)
    return len(killed)


def _is_marked(pid: int, wanted: bytes) -> bool:
    entries = guard.environ(pid)
    return (
        pid != os.getpid()
        and any(entry.startswith(wanted) for entry in entries)
        and not guard.is_spared(pid)
    )
