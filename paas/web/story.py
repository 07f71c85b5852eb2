"""An app's events as a person reads them: the log, and the steps of the newest operation."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup, escape

from paas.domain.specs import Actor
from paas.domain.states import StepState
from paas.domain.views import EventView
from paas.engine.plans import PLANS
from paas.engine.platform import Platform
from paas.services import events, logs
from paas.web import ansi
from paas.web.words import step_words

LINES_SHOWN = 1000
_BATCH = 500

# An operation begins with one of these; no plan has one of them at another place.
FIRST_STEPS = frozenset(plan.steps[0].name for plan in PLANS.values())


@dataclass(frozen=True)
class Line:
    """One line of the log; ``mark`` is true for the headings that steps and states put in it."""

    seq: int
    stream: str
    html: Markup
    at: datetime
    mark: bool


@dataclass(frozen=True)
class Step:
    """One step of the newest operation; ``share`` is its part of the longest one, 0 to 100."""

    name: str
    words: str
    state: str
    seconds: float
    share: int


@dataclass(frozen=True)
class Story:
    """The newest lines, the steps, and the ``seq`` after which a stream goes on."""

    lines: tuple[Line, ...]
    steps: tuple[Step, ...]
    seq: int
    cut: bool


def read(platform: Platform, actor: Actor, app_id: str) -> Story:
    """Read the app's story so far; ``cut`` says that older lines are left out."""
    lines: deque[Line] = deque(maxlen=LINES_SHOWN)
    marks: list[EventView] = []
    seq = count = 0
    while batch := events.after(platform, actor, app_id, seq, limit=_BATCH):
        seq = batch[-1].seq
        marks += [event for event in batch if event.kind == "step"]
        written = [line for event in batch if (line := _line(event)) is not None]
        lines.extend(written)
        count += len(written)
    return Story(tuple(lines), steps(marks), seq, count > LINES_SHOWN)


def _line(event: EventView) -> Line | None:
    if event.kind == "log":
        return Line(event.seq, event.stream, ansi.to_html(event.text), event.at, False)
    if event.kind == "step" and event.text == StepState.STARTED:
        heading = escape(step_words(event.stream))
        return Line(event.seq, "step", heading, event.at, True)
    return None


def steps(marks: Sequence[EventView], now: datetime | None = None) -> tuple[Step, ...]:
    """The steps of the newest operation, from an app's ``step`` events in their order.

    A step that starts again without an end was interrupted and counts from its first start.
    A step counts as failed whatever was undone later, and its time ends at its first end.
    """
    began: dict[str, datetime] = {}
    ended: dict[str, datetime] = {}
    states: dict[str, str] = {}
    for event in marks:
        if event.text == StepState.STARTED:
            if event.stream in FIRST_STEPS and (ended or set(began) - {event.stream}):
                began, ended, states = {}, {}, {}
            began.setdefault(event.stream, event.at)
        elif event.stream in began:
            ended.setdefault(event.stream, event.at)
            if states.get(event.stream) != StepState.FAILED:
                states[event.stream] = event.text
    moment = now or datetime.now(UTC)
    seconds = {
        name: max((_aware(ended.get(name, moment)) - _aware(at)).total_seconds(), 0.0)
        for name, at in began.items()
    }
    longest = max(seconds.values(), default=0.0) or 1.0
    return tuple(
        Step(
            name=name,
            words=step_words(name),
            state=states.get(name, StepState.STARTED),
            seconds=spent,
            share=max(round(100 * spent / longest), 1),
        )
        for name, spent in seconds.items()
    )


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True)
class OutputLine:
    """A line that the app wrote."""

    stream: str
    html: Markup


def output(platform: Platform, actor: Actor, app_id: str, limit: int) -> list[OutputLine]:
    """The newest lines that the app wrote, oldest first."""
    lines = logs.runtime(platform, actor, app_id, limit)
    return [OutputLine(line.stream, ansi.to_html(line.text)) for line in lines]
