"""An app's stream of status, steps and log lines."""

import time
from collections.abc import Iterator

from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.domain.views import EventView
from paas.engine.platform import Platform
from paas.services.allowed import needs
from paas.services.listing import known_form
from paas.store import apps, events

KEEPALIVE_SECONDS = 4.0
LOOK_SECONDS = 2.0
BATCH = 500


@needs(Permission.LOGS_READ)
def after(
    platform: Platform, actor: Actor, app_id: str, seq: int, limit: int = BATCH
) -> list[EventView]:
    """The entries that follow ``seq``, oldest first."""
    with platform.store.read() as session:
        app = apps.find(session, actor, known_form(app_id))
        return events.after(session, app.id, seq, limit)


@needs(Permission.LOGS_READ)
def stream(platform: Platform, actor: Actor, app_id: str, seq: int) -> Iterator[EventView | None]:
    """Entries as they come, from ``seq`` on; None every 4 s of silence.

    It never ends by itself: whoever reads it closes it.
    """
    app_id = known_form(app_id)
    spoken = time.monotonic()
    with platform.hub.listen(app_id) as listener:
        while True:
            found = after(platform, actor, app_id, seq)
            for event in found:
                seq = event.seq
                yield event
            if found:
                spoken = time.monotonic()
                continue
            quiet = KEEPALIVE_SECONDS - (time.monotonic() - spoken)
            if quiet <= 0:
                spoken = time.monotonic()
                yield None
                continue
            listener.wait(min(quiet, LOOK_SECONDS))
