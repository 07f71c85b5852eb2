"""What a step is, and what an operation is made of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from sqlalchemy.orm import Session

from paas.domain.states import AppState
from paas.engine.attempt import Attempt, Record, named

Do = Callable[[Attempt], Record]
Undo = Callable[[Attempt, Record], None]
Settle = Callable[[Attempt, Session, Record], None]
Conclude = Callable[[Attempt, Session], None]
Fail = Callable[[Attempt, Session, str], None]


def nothing_to_undo(_attempt: Attempt, _record: Record) -> None:
    """The undo of a step that leaves nothing behind outside the database."""


def nothing_to_settle(_attempt: Attempt, _session: Session, _record: Record) -> None:
    """The settling of a step whose record says all."""


@dataclass(frozen=True)
class Step:
    """A part of an operation that may run again from its start at any time.

    ``do`` works and returns what to record; it runs at least once. ``settle`` writes its
    result in the transaction that records it, so that this counts once. ``undo`` takes back
    what ``do`` made, also half of it; its record is empty when ``do`` never finished.
    ``enters`` is the app's state from the moment the step begins. A ``persistent`` step is
    never given up: it is tried again after growing pauses, and says why it waits. One that
    ``touches`` guests may change them where they live. One that is ``each`` is done for every
    replica; ``slot`` says for which.
    """

    name: str
    do: Do
    undo: Undo = nothing_to_undo
    settle: Settle = nothing_to_settle
    enters: AppState | None = None
    persistent: bool = False
    touches: bool = True
    each: bool = False
    slot: int = 1


@dataclass(frozen=True)
class Plan:
    """The steps of one kind of operation, and how it ends: both in the closing transaction."""

    steps: tuple[Step, ...]
    succeed: Conclude
    fail: Fail

    def over(self, slots: Sequence[int]) -> tuple[Step, ...]:
        """The steps for these replicas: what belongs to each is done for one after the other."""
        return tuple(self._over(slots))

    def _over(self, slots: Sequence[int]) -> Iterator[Step]:
        for is_each, steps in groupby(self.steps, lambda step: step.each):
            found = list(steps)
            if not is_each:
                yield from found
                continue
            for slot in slots:
                for step in found:
                    yield replace(step, name=named(step.name, slot), slot=slot)


def slots_of(options: Mapping[str, Any]) -> tuple[int, ...]:
    """The replicas that an operation works on."""
    return tuple(options.get("slots", (1,)))
