"""The app's own output as a stream that is taken up again without a line lost or shown twice.

The id of an event is the moment of its line and how many lines of that moment have come, such as
``2025-11-25T10:05:33.120Z/2``: whoever comes back with it gets what follows.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from paas.api import streams
from paas.domain import moments
from paas.domain.errors import Conflict, PaasError
from paas.domain.specs import Actor
from paas.domain.states import AppState
from paas.domain.views import AppView
from paas.engine.platform import Platform
from paas.services import deployments, logs
from paas.targets.contract import RuntimeLine

BEGINNING = "1970-01-01T00:00:00+00:00"
GONE = "This deployment is deleted"
MARK = rf"^{moments.TIME}/[0-9]{{1,9}}$"
EXAMPLE = """\
id: 2025-11-25T10:05:33.120Z/1
event: line
data: {"at": "2025-11-25T10:05:33.120Z", "stream": "stdout", "text": "Listening at :8000"}

"""


@dataclass(frozen=True)
class Mark:
    """The place after the ``count``-th line of a moment."""

    moment: str = ""
    count: int = 0

    @classmethod
    def parse(cls, text: str) -> "Mark":
        """Read what ``str`` wrote; raises ``ValueError`` for anything else."""
        if not re.fullmatch(MARK, text):
            raise ValueError("not the id of a line")
        moment, _, count = text.rpartition("/")
        moments.canonical(moment)
        return cls(moment, int(count))

    def __str__(self) -> str:
        return f"{self.moment}/{self.count}"


@dataclass(frozen=True)
class Query:
    """Which lines are wanted: the newest ``limit``, not before ``since``, with ``search``."""

    limit: int
    since: str = ""
    search: str = ""


Marked = tuple[Mark, RuntimeLine]


def last(lines: Iterable[RuntimeLine]) -> str:
    """The id after these lines, or nothing when there are none."""
    found = [mark for mark, _ in filter(None, marked(Mark(), lines))]
    return str(found[-1]) if found else ""


def marked(start: Mark, lines: Iterable[RuntimeLine | None]) -> Iterator[Marked | None]:
    """The lines after ``start`` with their marks; None stays None.

    A line without a readable time counts to the moment of the one before it.
    """
    mark = Mark(start.moment)
    for line in lines:
        if line is None:
            yield None
            continue
        moment = _moment(line.at) or mark.moment
        mark = Mark(moment, mark.count + 1 if moment == mark.moment else 1)
        if moment != start.moment or mark.count > start.count:
            yield mark, line


def follow(
    platform: Platform, actor: Actor, app: AppView, query: Query, after: Mark | None
) -> Iterator[str]:
    """Written events: the lines that there are, or those after a mark, and all that follow.

    What can be refused is refused before the first event: ``Conflict``, ``Unreachable``.
    """
    if app.state is AppState.DELETED:
        raise Conflict(GONE)
    start = after or Mark()
    first: list[Marked] = []
    if after is None:
        lines = logs.runtime(platform, actor, app.id, query.limit, query.since, query.search)
        first = [one for one in marked(start, lines) if one]
        start = first[-1][0] if first else start
    # An app without a line may write its first one by a clock that is behind ours.
    since = moments.canonical(start.moment) if start.moment else query.since or BEGINNING
    rest = marked(start, logs.follow(platform, actor, app.id, since, query.search))
    return _written(chain(first, _until_deleted(platform, actor, app.id, rest)))


def _until_deleted(
    platform: Platform, actor: Actor, app_id: str, lines: Iterator[Marked | None]
) -> Iterator[Marked | None]:
    """The lines until the app is no more; looked at when it is silent."""
    for one in lines:
        if one is None and deployments.get(platform, actor, app_id).state is AppState.DELETED:
            raise Conflict(GONE)
        yield one


def _written(lines: Iterable[Marked | None]) -> Iterator[str]:
    try:
        for one in lines:
            yield streams.KEEPALIVE if one is None else _event(*one)
    except PaasError as error:
        # The answer has begun, so this cannot be its status any more.
        yield streams.told("away", {"error": error.message})


def _event(mark: Mark, line: RuntimeLine) -> str:
    data = {"at": moments.shown(line.at), "stream": line.stream, "text": line.text}
    return streams.written(str(mark), "line", data)


def _moment(at: str) -> str:
    """The line's time as a part of an id; nothing when the guest wrote something else there."""
    found = moments.shown(at)
    return found if re.fullmatch(moments.TIME, found) else ""
