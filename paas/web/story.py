"""An app's events as a person reads them: the log, and the steps of the newest operation."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

from markupsafe import Markup, escape

from paas.api import runtime_lines
from paas.domain.errors import StepFailed, Unreachable
from paas.domain.output import Line as OutLine
from paas.domain.output import Query
from paas.domain.specs import Actor
from paas.domain.states import StepState
from paas.domain.views import EventView
from paas.engine.plans import PLANS
from paas.engine.platform import Platform
from paas.services import events, logs
from paas.web import ansi
from paas.web.words import step_words

LINES_SHOWN = 1000
MARKS_KEPT = 200
READINGS_KEPT = 16
_BATCH = 500

# An operation begins with one of these; no plan has one of them at another place.
FIRST_STEPS = frozenset(plan.steps[0].name for plan in PLANS.values())


@dataclass(frozen=True)
class Line:
    """One line of the log; ``mark`` is true for the headings that steps and states put in it."""

    stream: str
    html: Markup
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

    entries: tuple[EventView, ...]
    steps: tuple[Step, ...]
    seq: int
    cut: bool

    @property
    def lines(self) -> Iterator[Line]:
        """The lines and headings to show, oldest first; ``cut`` says that older ones are not."""
        return map(_line, self.entries)


@dataclass
class _Reading:
    """How far an app's stream was read, and what is kept of it."""

    seq: int = 0
    count: int = 0
    entries: deque[EventView] = field(default_factory=lambda: deque(maxlen=LINES_SHOWN))
    marks: deque[EventView] = field(default_factory=lambda: deque(maxlen=MARKS_KEPT))

    def take(self, batch: Sequence[EventView]) -> None:
        shown = [event for event in batch if _is_shown(event)]
        self.seq = batch[-1].seq
        self.count += len(shown)
        self.entries.extend(shown)
        self.marks.extend(event for event in batch if event.kind == "step")


# An open page asks again every two seconds and a stream only grows, so each process goes on
# reading where it stopped. A reading is taken out while it is used: two threads never share one.
_readings: OrderedDict[str, _Reading] = OrderedDict()
_lock = Lock()


def read(platform: Platform, actor: Actor, app_id: str) -> Story:
    """The app's story so far; raises ``NotFound`` for an app that is not the actor's."""
    with _lock:
        reading = _readings.pop(app_id, None) or _Reading()
    while batch := events.after(platform, actor, app_id, reading.seq, limit=_BATCH):
        reading.take(batch)
    story = Story(
        entries=tuple(reading.entries),
        steps=steps(reading.marks),
        seq=reading.seq,
        cut=reading.count > LINES_SHOWN,
    )
    with _lock:
        _readings[app_id] = reading
        while len(_readings) > READINGS_KEPT:
            _readings.popitem(last=False)
    return story


def _is_shown(event: EventView) -> bool:
    return event.kind == "log" or (event.kind == "step" and event.text == StepState.STARTED)


def _line(event: EventView) -> Line:
    if event.kind == "log":
        return Line(event.stream, ansi.to_html(event.text), mark=False)
    return Line("step", escape(step_words(event.stream)), mark=True)


def steps(marks: Iterable[EventView], now: datetime | None = None) -> tuple[Step, ...]:
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
    """A line that the app wrote, and when; ``source`` names the replica where there are several."""

    stream: str
    source: str
    at: str
    html: Markup


@dataclass(frozen=True)
class Output:
    """What the app wrote; ``last`` is the id after which a stream goes on, or empty.

    ``away`` says why nothing can be shown now.
    """

    lines: tuple[OutputLine, ...] = ()
    last: str = ""
    away: str = ""


def output(platform: Platform, actor: Actor, app_id: str, limit: int, search: str = "") -> Output:
    """The newest lines that the app wrote, or those with a text, oldest first."""
    try:
        lines = logs.runtime(platform, actor, app_id, Query(limit, search=search))
    except (StepFailed, Unreachable) as error:
        return Output(away=error.message)
    return Output(tuple(_output_line(one) for one in lines), runtime_lines.last(lines))


def _output_line(one: OutLine) -> OutputLine:
    source = one.source if "." in one.source else one.stream
    return OutputLine(one.stream, source, one.at, ansi.to_html(one.text))
