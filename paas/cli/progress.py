"""What a person sees while the platform works: on stderr, so that stdout stays for results."""

import shutil
import time
from collections import deque
from typing import Protocol, TextIO
from unicodedata import east_asian_width

from paas.cli.events import Event
from paas.cli.text import duration, neutral, parse_time

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
PLAIN_SPINNER = "|/-\\"
DIM, GREEN, RED, RESET = "\x1b[2m", "\x1b[32m", "\x1b[31m", "\x1b[0m"
TAIL = 20


class Display(Protocol):
    """Shows events as they come."""

    def show(self, event: Event) -> None:
        """Take one event in."""

    def tick(self) -> None:
        """Called several times a second, for what moves."""

    def close(self) -> None:
        """Leave the terminal as a prompt wants it."""


class Story:
    """What the events of one operation told: steps with their times, and the last log lines."""

    def __init__(self) -> None:
        self.steps: dict[str, dict[str, object]] = {}
        self.tail: deque[str] = deque(maxlen=TAIL)
        self._started: dict[str, str] = {}

    def take(self, event: Event) -> None:
        """Take one event in."""
        if event.kind == "log":
            self.tail.append(f"{event.stream}: {event.text}")
        if event.kind != "step":
            return
        if event.text == "undone":
            # How far it came says more than that what it made is gone again.
            return
        if event.text == "started":
            self._started[event.stream] = event.at
        seconds = self._seconds(event)
        self.steps[event.stream] = {
            "name": event.stream,
            "state": event.text,
            "seconds": None if seconds is None else round(seconds, 3),
        }

    def _seconds(self, event: Event) -> float | None:
        began, ended = parse_time(self._started.get(event.stream)), parse_time(event.at)
        if event.text == "started" or began is None or ended is None:
            return None
        return max(0.0, (ended - began).total_seconds())

    def seconds_of(self, step: str) -> str:
        """The time that a step took, in words, or nothing when it is not known."""
        found = self.steps.get(step, {}).get("seconds")
        return duration(found) if isinstance(found, float) else ""


class Plain:
    """One line per event, for logs and pipes; log lines only when ``verbose``."""

    def __init__(self, out: TextIO, story: Story, *, verbose: bool) -> None:
        self._out = out
        self._story = story
        self._verbose = verbose

    def show(self, event: Event) -> None:
        """Write the event's line."""
        if event.kind == "log":
            if self._verbose:
                self._write(f"{event.stream}: {event.text}")
        elif event.kind == "step":
            took = "" if event.text == "undone" else self._story.seconds_of(event.stream)
            self._write(f"step {event.stream}: {event.text}{' in ' + took if took else ''}")
        elif event.kind == "status":
            self._write(f"status: {event.text}")

    def _write(self, line: str) -> None:
        self._out.write(neutral(line) + "\n")
        self._out.flush()

    def tick(self) -> None:
        """Nothing moves here."""

    def close(self) -> None:
        """Nothing is left open here."""


class Terminal:
    """Finished steps above, the running one below with its time and the newest log line."""

    def __init__(self, out: TextIO, story: Story, *, verbose: bool) -> None:
        self._out = out
        self._story = story
        self._verbose = verbose
        unicode = (out.encoding or "").lower().replace("-", "") == "utf8"
        self._spinner = SPINNER if unicode else PLAIN_SPINNER
        self._marks = ("✓", "✗") if unicode else ("ok", "!!")
        self._step = ""
        self._since = 0.0
        self._line = ""

    def show(self, event: Event) -> None:
        """Write what is finished; what runs is drawn by the next tick."""
        if event.kind == "log":
            self._line = neutral(event.text)
            if self._verbose:
                coloured = neutral(event.text, colour=True)
                self._above(f"  {DIM}{neutral(event.stream)}{RESET} {coloured}")
        elif event.kind == "step":
            self._show_step(event)

    def _show_step(self, event: Event) -> None:
        name = neutral(event.stream)
        if event.text == "started":
            self._step, self._since, self._line = name, time.monotonic(), ""
            return
        if event.text == "undone":
            self._above(f"{DIM}  {name:<12}{event.text}{RESET}")
            return
        good = event.text == "done"
        mark = f"{GREEN}{self._marks[0]}" if good else f"{RED}{self._marks[1]}"
        what = "" if good else f" {neutral(event.text)}"
        self._above(f"{mark}{RESET} {name:<12}{self._story.seconds_of(event.stream)}{what}")
        if name == self._step:
            self._step = ""

    def _above(self, line: str) -> None:
        self._out.write(f"\r\x1b[2K{line}\n")
        self._out.flush()

    def tick(self) -> None:
        """Draw the running step again."""
        if not self._step:
            return
        now = time.monotonic()
        turn = self._spinner[int(now * 8) % len(self._spinner)]
        text = f"{turn} {self._step:<12}{duration(now - self._since):<9} "
        room = shutil.get_terminal_size().columns - 1 - len(text)
        self._out.write(f"\r\x1b[2K{text}{DIM}{_cut(self._line, room)}{RESET}")
        self._out.flush()

    def close(self) -> None:
        """Remove the line of the running step."""
        self._out.write("\r\x1b[2K")
        self._out.flush()


def _cut(text: str, room: int) -> str:
    """The beginning that fits in ``room`` columns; wide characters count twice."""
    used = 0
    for index, character in enumerate(text):
        used += 2 if east_asian_width(character) in "WF" else 1
        if used > room:
            return text[:index]
    return text


def display_for(out: TextIO, story: Story, *, verbose: bool) -> Display:
    """The display that suits where stderr goes."""
    kind = Terminal if out.isatty() else Plain
    return kind(out, story, verbose=verbose)
