"""The rules behind the faults: what happens to requests that fit, and to tasks of a kind."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from aiohttp import web
from fakepve.model import TaskError

from tests.lab.pve_answers import Request, fits, refusal
from tests.lab.pve_tasks import KILLED

if TYPE_CHECKING:
    from tests.lab.pve import LabPve

# Short names of tasks, which mean a container's and a VM's.
TASKS = {
    "create": ("vzcreate", "qmcreate"),
    "clone": ("vzclone", "qmclone"),
    "start": ("vzstart", "qmstart"),
    "stop": ("vzstop", "qmstop"),
    "shutdown": ("vzshutdown", "qmshutdown"),
    "reboot": ("vzreboot", "qmreboot"),
    "destroy": ("vzdestroy", "qmdestroy"),
    "snapshot": ("vzsnapshot", "qmsnapshot"),
    "rollback": ("vzrollback", "qmrollback"),
}


class Dropped(Exception):
    """The connection is to be closed without an answer."""


@dataclass(eq=False)
class Rule:
    """Something that happens to requests that fit, ``times`` times; ``None`` is for ever."""

    method: str
    pattern: str
    times: int | None
    act: Callable[[Request], web.Response | None] | None = None
    seconds: float = 0.0
    lose_answer: bool = False


@dataclass(eq=False)
class TaskRule:
    kinds: tuple[str, ...]
    text: str
    times: int | None
    # A hanging task waits for this.
    free: asyncio.Event | None = None


def on_loop(method: Callable[..., Any]) -> Callable[..., Any]:
    """Run a method in the fake's own thread and wait for it: the state has one writer."""

    @wraps(method)
    def called(self: "DoorFaults | TaskFaults", *args: Any, **kwargs: Any) -> Any:
        return self._pve.on_loop(lambda: method(self, *args, **kwargs))

    return called


def use(rules: list[Any], rule: Any) -> None:
    """Count one use of a rule, and forget it after its last."""
    if rule.times is None:
        return
    rule.times -= 1
    if rule.times <= 0 and rule in rules:
        rules.remove(rule)


def drop(request: Request) -> web.Response | None:
    raise Dropped


class DoorFaults:
    """Faults of requests. In a pattern, a path without ``/api2/json``, ``*`` stands for all."""

    def __init__(self, pve: "LabPve") -> None:
        self._pve = pve
        self._rules: list[Rule] = []
        self._dice: tuple[random.Random, float] | None = None

    @on_loop
    def fail(
        self,
        method: str,
        pattern: str,
        status: int,
        reason: str,
        body: Any = None,
        times: int | None = 1,
    ) -> None:
        """Answer with an error instead."""
        answer = lambda _: refusal(status, reason, body)  # noqa: E731
        self._rules.append(Rule(method, pattern, times, answer))

    @on_loop
    def slow(self, pattern: str, seconds: float, times: int | None = 1) -> None:
        """Let requests wait; real seconds."""
        self._rules.append(Rule("*", pattern, times, seconds=seconds))

    @on_loop
    def drop(
        self, pattern: str, times: int | None = 1, *, method: str = "*", lose_answer: bool = False
    ) -> None:
        """Close the connection; with ``lose_answer`` only after the request has been obeyed."""
        self._rules.append(Rule(method, pattern, times, drop, lose_answer=lose_answer))

    @on_loop
    def flaky(self, seed: int, rate: float) -> None:
        """Lose a share of all requests, half of them only after they have been obeyed."""
        self._dice = (random.Random(seed), rate)

    @on_loop
    def on_request(
        self,
        pattern: str,
        callback: Callable[[Request], None],
        *,
        method: str = "*",
        times: int | None = 1,
    ) -> None:
        """Call somebody in the fake's thread just before such a request is obeyed."""
        self._rules.append(Rule(method, pattern, times, lambda request: callback(request)))

    async def arrive(self, request: Request) -> tuple[web.Response | None, bool]:
        """What happens to a request: an answer instead, and whether its own answer gets lost."""
        lose_answer = False
        for rule in [rule for rule in self._rules if fits(request, rule.pattern, rule.method)]:
            use(self._rules, rule)
            if rule.seconds:
                await asyncio.sleep(rule.seconds)
            if rule.lose_answer:
                lose_answer = True
            elif rule.act and (answer := rule.act(request)) is not None:
                return answer, False
        if self._dice and self._dice[0].random() < self._dice[1]:
            if self._dice[0].random() < 0.5:
                raise Dropped
            lose_answer = True
        return None, lose_answer


class TaskFaults:
    """Faults of tasks. A kind is Proxmox's own (``vzcreate``) or a short name in ``TASKS``."""

    def __init__(self, pve: "LabPve") -> None:
        self._pve = pve
        self._task_rules: list[TaskRule] = []
        self._held: set[asyncio.Event] = set()
        self._hanging: Counter[str] = Counter()

    @on_loop
    def task_error(self, kind: str, text: str, times: int | None = 1) -> None:
        """Let tasks fail with this text, before they have done anything."""
        self._task_rules.append(TaskRule(TASKS.get(kind, (kind,)), text, times))

    @on_loop
    def task_hang(self, kind: str, times: int | None = 1) -> None:
        """Let tasks wait until ``release`` or an abort; of a new guest only the lock is seen."""
        kinds = TASKS.get(kind, (kind,))
        self._task_rules.append(TaskRule(kinds, "", times, asyncio.Event()))

    @on_loop
    def release(self) -> None:
        """Let hanging tasks go on."""
        self._let_go()

    def _let_go(self) -> None:
        self._task_rules = [rule for rule in self._task_rules if rule.free is None]
        for event in self._held:
            event.set()

    @on_loop
    def kill_task(self, kind: str) -> int:
        """Kill the workers of running tasks: no clean-up. Returns how many there were."""
        kinds = TASKS.get(kind, (kind,))
        works = [work for work in self._pve.works.values() if work.kind in kinds]
        for work in works:
            self._pve.end_work(work, KILLED)
        return len(works)

    async def at_task(self, kind: str) -> None:
        """Called when a task begins."""
        for rule in [rule for rule in self._task_rules if kind in rule.kinds]:
            use(self._task_rules, rule)
            if rule.free is None:
                raise TaskError(rule.text)
            self._held.add(rule.free)
            self._hanging[kind] += 1
            try:
                await rule.free.wait()
            finally:
                self._hanging[kind] -= 1
                self._held.discard(rule.free)

    def wait_hanging(self, kind: str, seconds: float = 30.0) -> None:
        """Wait until a task of a kind hangs; ``AssertionError`` when none does in time."""
        deadline = time.monotonic() + seconds
        while not sum(self._hanging[each] for each in TASKS.get(kind, (kind,))):
            assert time.monotonic() < deadline, f"no {kind} hangs after {seconds} s"
            time.sleep(0.01)
