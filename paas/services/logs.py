"""What a deployment wrote, and what the app itself writes."""

from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.engine.redact import Redactor
from paas.services.deployments import known_form
from paas.store import apps, events, guests
from paas.store.models import Guest
from paas.targets.contract import RuntimeLine

# A log of more lines than this is shown from its end.
MOST_LINES = 10_000


def text(platform: Platform, actor: Actor, app_id: str) -> str:
    """The log of an app's operations as one text, a line each: time, source, text."""
    with platform.store.read() as session:
        app = apps.find(session, actor, known_form(app_id))
        lines = events.last_lines(session, app.id, MOST_LINES)
    return "".join(f"{e.at:%Y-%m-%dT%H:%M:%SZ} [{e.stream}] {e.text}\n" for e in lines)


def runtime(platform: Platform, actor: Actor, app_id: str, limit: int) -> list[RuntimeLine]:
    """The newest lines of the app's own output, oldest first; empty when it has no guest."""
    with platform.store.read() as session:
        app = apps.find(session, actor, known_form(app_id))
        guest = session.get(Guest, app.guest_id) if app.guest_id else None
        spec = guests.spec(guest, platform.installation) if guest else None
        secrets = platform.store.vault.open_map(app.environment).values()
    if spec is None:
        return []
    redactor = Redactor(secrets)
    return [
        RuntimeLine(line.at, line.stream, redactor.clean(line.text))
        for line in platform.targets[spec.target].runtime_log(spec, limit=limit)
    ]
