"""What a deployment wrote, and what the app itself writes."""

import time
from collections.abc import Iterator

from paas.domain.errors import Deleted, StepFailed, Unreachable
from paas.domain.output import Line, Places, Query
from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.domain.states import AppState
from paas.engine.platform import Platform
from paas.services import output
from paas.services.allowed import needs
from paas.services.listing import known_form
from paas.store import apps, events

# A log of more lines than this is shown from its end.
MOST_LINES = 10_000
KEEPALIVE_SECONDS = 4.0
FOLLOW_SECONDS = 1.0
GONE = "This deployment is deleted"


@needs(Permission.LOGS_READ)
def text(platform: Platform, actor: Actor, app_id: str) -> str:
    """The log of an app's operations as one text, a line each: time, source, text."""
    with platform.store.read() as session:
        app = apps.find(session, actor, known_form(app_id))
        lines = events.last_lines(session, app.id, MOST_LINES)
    return "".join(f"{e.at:%Y-%m-%dT%H:%M:%SZ} [{e.stream}] {e.text}\n" for e in lines)


@needs(Permission.LOGS_READ)
def runtime(platform: Platform, actor: Actor, app_id: str, query: Query) -> list[Line]:
    """The newest lines of the app's own output, those of all replicas, oldest first.

    Empty when it has no guest. Raises ``Unreachable`` when none of its guests answers; of those
    that do not, when others do, a line of the platform's own at the end tells.
    """
    return _newest(output.look(platform, actor, app_id), query)


@needs(Permission.LOGS_READ)
def latest(platform: Platform, actor: Actor, app_id: str, query: Query) -> list[Line]:
    """The same of an app that stands; raises ``Deleted`` for one that does not."""
    return _newest(_standing(platform, actor, app_id), query)


def _newest(subject: output.Subject, query: Query) -> list[Line]:
    batch = output.newest(subject, query)
    return [*batch.lines, *batch.away.values()]


@needs(Permission.LOGS_READ)
def follow(
    platform: Platform,
    actor: Actor,
    app_id: str,
    query: Query,
    after: Places | None = None,
    *,
    patient: bool = False,
) -> Iterator[Line | None]:
    """The lines that there are, or those after some places, and all that follow as they come.

    None comes every 4 s of silence. It never ends by itself: whoever reads it closes it. What
    can be refused is refused before the first line: ``NotFound``, ``Unreachable``, ``Deleted``.
    Later an app that is deleted raises ``Deleted``, and guests of which none answers raise
    ``Unreachable``, unless the reader is ``patient``.
    """
    subject = _standing(platform, actor, app_id)
    if after is None:
        batch = output.newest(subject, query)
    else:
        batch = output.onwards(subject, query, after)
    return _going_on(platform, actor, app_id, query, batch, patient=patient)


def _standing(platform: Platform, actor: Actor, app_id: str) -> output.Subject:
    subject = output.look(platform, actor, app_id)
    if subject.state is AppState.DELETED:
        raise Deleted(GONE)
    return subject


def _going_on(
    platform: Platform,
    actor: Actor,
    app_id: str,
    query: Query,
    batch: output.Batch,
    *,
    patient: bool,
) -> Iterator[Line | None]:
    told: set[str] = set()
    spoken = time.monotonic()
    while True:
        fresh = [*batch.lines, *(line for key, line in batch.away.items() if key not in told)]
        told = set(batch.away)
        yield from fresh
        if fresh:
            spoken = time.monotonic()
        elif time.monotonic() - spoken > KEEPALIVE_SECONDS:
            spoken = time.monotonic()
            yield None
        time.sleep(FOLLOW_SECONDS)
        subject = _standing(platform, actor, app_id)
        try:
            batch = output.onwards(subject, query, batch.places)
        except (StepFailed, Unreachable) as error:
            if not patient:
                raise
            batch = output.nothing(batch.places, error)
