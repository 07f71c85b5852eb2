"""What a deployment wrote, and what the app itself writes."""

import time
from collections import Counter
from collections.abc import Iterator

from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.engine.redact import Redactor
from paas.services.allowed import needs
from paas.services.deployments import known_form
from paas.store import apps, events, guests
from paas.store.base import utcnow
from paas.targets.contract import RuntimeLine

# A log of more lines than this is shown from its end.
MOST_LINES = 10_000
KEEPALIVE_SECONDS = 4.0
FOLLOW_SECONDS = 1.0


@needs(Permission.LOGS_READ)
def text(platform: Platform, actor: Actor, app_id: str) -> str:
    """The log of an app's operations as one text, a line each: time, source, text."""
    with platform.store.read() as session:
        app = apps.find(session, actor, known_form(app_id))
        lines = events.last_lines(session, app.id, MOST_LINES)
    return "".join(f"{e.at:%Y-%m-%dT%H:%M:%SZ} [{e.stream}] {e.text}\n" for e in lines)


@needs(Permission.LOGS_READ)
def runtime(
    platform: Platform,
    actor: Actor,
    app_id: str,
    limit: int,
    since: str = "",
    search: str = "",
) -> list[RuntimeLine]:
    """The newest lines of the app's own output, oldest first; empty when it has no guest.

    ``since`` (ISO 8601 in UTC) leaves older lines out, ``search`` those without that text.
    """
    with platform.store.read() as session:
        app = apps.find(session, actor, known_form(app_id))
        guest = guests.of_slot(session, app.id, 1)
        spec = guests.spec(session, guest, platform.installation) if guest else None
        secrets = platform.store.vault.open_map(app.environment).values()
    if spec is None:
        return []
    redactor = Redactor(secrets)
    target = platform.target(spec.target, spec.endpoint)
    found = [
        RuntimeLine(line.at, line.stream, redactor.clean(line.text))
        for line in target.runtime_log(spec, limit=limit, since=since, search=search)
    ]
    # Looked for once more: a search must not find out what a secret is.
    return [line for line in found if search in line.text]


@needs(Permission.LOGS_READ)
def follow(
    platform: Platform, actor: Actor, app_id: str, since: str = "", search: str = ""
) -> Iterator[RuntimeLine | None]:
    """Lines as they come, from ``since`` or from now on; None every 4 s of silence.

    It never ends by itself: whoever reads it closes it. Lines of one moment are told apart by
    what was sent of that moment already. A search is done here but for the lines that are there
    when it begins: each look goes on after the newest line, whether that held the text or not.
    """
    since = since or f"{utcnow():%Y-%m-%dT%H:%M:%S.%f}"
    newest = runtime(platform, actor, app_id, 1, since)
    found = runtime(platform, actor, app_id, MOST_LINES, since, search)
    yield from found
    sent = Counter(found)
    since = newest[0].at if newest else since
    spoken = time.monotonic()
    while True:
        time.sleep(FOLLOW_SECONDS)
        found = runtime(platform, actor, app_id, MOST_LINES, since)
        fresh = [line for line in _without(found, sent) if search in line.text]
        yield from fresh
        if found:
            since = found[-1].at
            sent = Counter(line for line in found if line.at == since)
        if fresh:
            spoken = time.monotonic()
        elif time.monotonic() - spoken > KEEPALIVE_SECONDS:
            spoken = time.monotonic()
            yield None


def _without(found: list[RuntimeLine], sent: Counter[RuntimeLine]) -> list[RuntimeLine]:
    """The lines that were not sent yet; of lines that are alike, each counts."""
    left = sent.copy()
    fresh = []
    for line in found:
        if left[line] > 0:
            left[line] -= 1
        else:
            fresh.append(line)
    return fresh
