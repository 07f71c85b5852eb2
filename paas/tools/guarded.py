"""One outside program under its guard."""

import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from paas.domain.errors import StepFailed, StepInterrupted
from paas.tools import guard
from paas.tools.leash import Leash, shut
from paas.tools.lines import LineReader, OnLine

Stop = Callable[[], BaseException | None]
"""Asked at least four times a second; an exception ends the program and is raised."""

MARK = "PAAS_ATTEMPT"
POLL = 0.2
ENDING = 15.0
GUARD = str(Path(guard.__file__).resolve())


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


class Started(Protocol):
    """A guard that runs: what ``subprocess.Popen`` has."""

    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...


Start = Callable[[Command, int, float], Started]
"""Given the descriptor of the guard's end of the line, and the seconds that it may be silent."""


class Guarded:
    """A program under its guard, from its start until ``wait`` returns or ``end`` is called."""

    def __init__(
        self,
        command: Command,
        leash: Leash,
        *,
        with_input: bool = False,
        start: Start | None = None,
    ) -> None:
        self.command = command
        self._leash = leash
        self._end, theirs = socket.socketpair()
        self._end.setblocking(False)
        try:
            leash.attach(self._end)
            self._process: Started = (
                start(command, theirs.fileno(), leash.seconds)
                if start
                else self._start(theirs.fileno(), with_input)
            )
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
        shut(self._end)
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
