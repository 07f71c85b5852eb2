"""What the replicas of an app write, as one log: merged by time, without secrets.

Where a reader is in it is kept for each replica by itself: the moment of the last line and how
many lines of that moment have come. So no line is lost or comes twice, however the lines of
several replicas lie in time, and however late one of them is read.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from heapq import merge
from operator import attrgetter

from sqlalchemy import Select, select

from paas.domain import moments
from paas.domain.errors import StepFailed, Unreachable
from paas.domain.output import Line, Place, Places, Query
from paas.domain.permissions import Permission
from paas.domain.specs import Actor, GuestSpec
from paas.domain.states import AppState, GuestState
from paas.engine.platform import Platform
from paas.engine.redact import Redactor
from paas.services.allowed import needs
from paas.services.listing import known_form
from paas.store import apps, guests
from paas.store.base import utcnow
from paas.store.models import App, Release
from paas.targets.contract import RuntimeLine, Target

# Targets keep some ten megabytes for each guest, so this is all that there is.
EVERYTHING = 1_000_000
# So many lines before the first one wanted say, but for bursts, which of its moment it is.
BEFORE = 100
# Both targets cut longer lines.
PIECE = 16 * 1024
AT_ONCE = 8
KEY_LENGTH = 8
PLATFORM = "platform"
ZONE = "+00:00"
MISSING = "Some lines are missing here: more was written since than is kept"
# Values that were changed stand in older lines, and in those of releases that still run.
REMEMBERED = 10


@dataclass(frozen=True)
class Replica:
    """A guest of the app that can have written something."""

    key: str
    slot: int
    spec: GuestSpec
    target: Target

    def read(self, limit: int, since: str) -> list[RuntimeLine]:
        """The newest lines from a time on, oldest first."""
        return list(self.target.runtime_log(self.spec, limit=limit, since=since))


@dataclass(frozen=True)
class Subject:
    """The app as it is now, as far as its output is concerned."""

    state: AppState
    replicas: Sequence[Replica]
    redactor: Redactor


@dataclass(frozen=True)
class _Written:
    """A line with its place in what its replica wrote."""

    replica: Replica
    place: Place
    line: RuntimeLine

    @property
    def order(self) -> tuple[str, int]:
        return self.place.moment, self.replica.slot


@dataclass(frozen=True)
class _Part:
    """What one replica gave: the lines that are wanted, and where its reader is after them.

    ``away`` says why it gave nothing; ``gap`` that lines before these are kept no more.
    """

    replica: Replica
    lines: Sequence[_Written] = ()
    end: Place = field(default_factory=Place)
    gap: bool = False
    away: StepFailed | Unreachable | None = None


@dataclass(frozen=True)
class Batch:
    """Lines in order, and where the reader is after all of them; ``away`` is what the platform
    says of replicas that cannot be read now, by their keys."""

    lines: Sequence[Line]
    places: Places
    away: Mapping[str, Line]


@needs(Permission.LOGS_READ)
def look(platform: Platform, actor: Actor, app_id: str) -> Subject:
    """The app and its replicas; raises ``NotFound``."""
    with platform.store.read() as session:
        app = apps.find(session, actor, known_form(app_id))
        standing = [
            (guest, guests.spec(session, guest, platform.installation))
            for guest in guests.standing(session, app.id)
            if guest.state == GuestState.PRESENT
        ]
        sealed = [app.environment, *session.scalars(_older_variables(app))]
        replicas = [
            Replica(
                guest.uuid[:KEY_LENGTH],
                guest.slot,
                spec,
                platform.target(spec.target, spec.endpoint),
            )
            for guest, spec in standing
        ]
        state = AppState(app.state)
    opened = [platform.store.vault.open_map(one) for one in sealed if one]
    secrets = {value for values in opened for value in values.values()}
    return Subject(state, replicas, Redactor(secrets))


def _older_variables(app: App) -> Select[bytes | None]:
    return (
        select(Release.variables)
        .where(Release.app_id == app.id, Release.variables.is_not(None))
        .order_by(Release.number.desc())
        .limit(REMEMBERED)
    )


def newest(subject: Subject, query: Query) -> Batch:
    """The newest lines that a query wants; raises ``Unreachable`` when no replica answers."""
    parts = _of_each(subject, lambda replica: _newest_of(replica, query))
    return _batch(subject, parts, query)


def onwards(subject: Subject, query: Query, places: Places) -> Batch:
    """What was written after these places; a replica that they do not name is new.

    Raises ``Unreachable`` when no replica answers.
    """
    parts = _of_each(
        subject, lambda replica: _onwards_of(replica, places.get(replica.key, Place()))
    )
    known = {part.replica.key: places.get(part.replica.key, Place()) for part in parts}
    return _batch(subject, parts, replace(query, limit=EVERYTHING), known)


def _of_each(subject: Subject, read: Callable[[Replica], _Part]) -> list[_Part]:
    def part(replica: Replica) -> _Part:
        try:
            found = read(replica)
        except (StepFailed, Unreachable) as error:
            return _Part(replica, away=error)
        return replace(found, lines=_cleaned(subject.redactor, found.lines))

    if len(subject.replicas) < 2:
        return [part(replica) for replica in subject.replicas]
    with ThreadPoolExecutor(min(len(subject.replicas), AT_ONCE)) as pool:
        return list(pool.map(part, subject.replicas))


def _newest_of(replica: Replica, query: Query) -> _Part:
    asked = EVERYTHING if query.search else query.limit + BEFORE
    found = _numbered(replica, replica.read(asked, query.since))
    # Where lines of the first moment may have been cut off, they cannot be counted.
    if len(found) == asked and found[0].place.moment == found[BEFORE].place.moment:
        since = found[0].place.moment
        found = _numbered(replica, replica.read(EVERYTHING, since + ZONE if since else ""))
    return _Part(replica, found, found[-1].place if found else Place())


def _onwards_of(replica: Replica, after: Place) -> _Part:
    since = after.moment + ZONE if after.moment else ""
    found = _numbered(replica, replica.read(EVERYTHING, since), after.moment)
    seen = sum(1 for one in found if one.place.moment == after.moment)
    if not found:
        return _Part(replica, end=after)
    return _Part(replica, found, found[-1].place, gap=seen < after.count)


def _numbered(replica: Replica, lines: Iterable[RuntimeLine], moment: str = "") -> list[_Written]:
    """The lines with their places; one without a readable time counts to the moment before."""
    place = Place(moment)
    found = []
    for line in lines:
        moment = _moment(line.at) or place.moment
        place = Place(moment, place.count + 1 if moment == place.moment else 1)
        found.append(_Written(replica, place, line))
    return found


def _moment(at: str) -> str:
    try:
        return moments.canonical(at).removesuffix(ZONE)
    except ValueError:
        return ""


def _cleaned(redactor: Redactor, lines: Sequence[_Written]) -> list[_Written]:
    """The lines without secrets, also where these lie across the cut of a very long line."""
    texts: dict[str, list[str]] = {}
    for one in lines:
        texts.setdefault(one.line.stream, []).append(one.line.text)
    clean = {name: iter(redactor.clean_pieces(given, PIECE)) for name, given in texts.items()}
    return [
        replace(one, line=replace(one.line, text=next(clean[one.line.stream]))) for one in lines
    ]


def _batch(
    subject: Subject, parts: Sequence[_Part], query: Query, known: Places | None = None
) -> Batch:
    """The parts as one; ``known`` is where the reader was, who has not read what follows it."""
    failed = [part for part in parts if part.away]
    if failed and len(failed) == len(parts):
        raise failed[0].away  # type: ignore[misc]
    chosen = [_wanted(part, query.search, (known or {}).get(part.replica.key)) for part in parts]
    merged = list(merge(*chosen, key=attrgetter("order")))[-query.limit :]
    # A replica that could not be read yet is read from now on.
    now = Place(_moment(_now()))
    ends = {
        part.replica.key: (known or {}).get(part.replica.key, now) if part.away else part.end
        for part in parts
    }
    places = dict(known) if known is not None else _starts(merged, ends)
    gaps = [_said(MISSING, places)] if any(part.gap for part in parts) else []
    away = {part.replica.key: _away(part, ends) for part in failed}
    return Batch([*gaps, *_placed(subject, merged, places)], ends, away)


def nothing(places: Places, reason: StepFailed | Unreachable) -> Batch:
    """No line, because no replica can be read now."""
    return Batch([], places, {PLATFORM: _said(reason.message, places)})


def _wanted(part: _Part, search: str, after: Place | None) -> list[_Written]:
    """The lines after a place that hold the text, searched when secrets are out already."""
    text = search.casefold()
    return [
        one
        for one in part.lines
        if (not text or text in one.line.text.casefold())
        and (after is None or _follows(one.place, after))
    ]


def _follows(place: Place, after: Place) -> bool:
    return place.moment != after.moment or place.count > after.count


def _starts(merged: Sequence[_Written], ends: Places) -> dict[str, Place]:
    """Where a reader is before these lines; what a replica wrote before its first one is read."""
    starts = dict(ends)
    for one in reversed(merged):
        starts[one.replica.key] = Place(one.place.moment, one.place.count - 1)
    return starts


def _placed(subject: Subject, merged: Sequence[_Written], places: dict[str, Place]) -> list[Line]:
    several = len(subject.replicas) > 1
    lines = []
    for one in merged:
        places = {**places, one.replica.key: one.place}
        source = _source(one.line.stream, one.replica.slot if several else None)
        lines.append(Line(one.line.at, one.line.stream, one.line.text, source, places))
    return lines


def _source(stream: str, slot: int | None) -> str:
    """Who speaks: the app itself, or what looks after it in its guest; and which replica's."""
    word = "supervisor" if stream == "supervisor" else "app"
    return word if slot is None else f"{word}.{slot}"


def _away(part: _Part, places: Places) -> Line:
    reason = part.away.message if part.away else ""
    return _said(f"Replica {part.replica.slot} cannot be read now: {reason}", places)


def _said(text: str, places: Places) -> Line:
    """A line of the platform's own."""
    return Line(_now(), PLATFORM, text, PLATFORM, places)


def _now() -> str:
    return utcnow().replace(tzinfo=None).isoformat(timespec="milliseconds") + ZONE
