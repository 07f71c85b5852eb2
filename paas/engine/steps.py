"""What a step is, and what an operation is made of."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from paas.domain.states import AppState
from paas.engine.attempt import Attempt, Record

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
    ``touches`` guests may change them where they live.
    """

    name: str
    do: Do
    undo: Undo = nothing_to_undo
    settle: Settle = nothing_to_settle
    enters: AppState | None = None
    persistent: bool = False
    touches: bool = True


@dataclass(frozen=True)
class Plan:
    """The steps of one kind of operation, and how it ends: both in the closing transaction."""

    steps: tuple[Step, ...]
    succeed: Conclude
    fail: Fail
