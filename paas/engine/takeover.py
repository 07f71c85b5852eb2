"""Taking an operation's lease, and following a worker of another machine.

What such a worker began last may still come to life: its processes are ended by their guard, which
nobody here can see, and a request that Proxmox had taken by then may become a task later. A worker
of this machine leaves no such doubt: its processes are ended before it is followed.
"""

import time
from collections.abc import Sequence

from sqlalchemy import select

from paas.domain.errors import StepInterrupted
from paas.domain.specs import GuestSpec
from paas.engine import lease
from paas.engine.attempt import Attempt, Held
from paas.engine.platform import Platform
from paas.store import guests, operations
from paas.store.models import App, Operation

QUIET_SECONDS = 10.0
LOOKS = 2


def take(platform: Platform, uuid: str) -> Held | None:
    """Take the operation's lease; None when another worker holds it, or it is not due."""
    with platform.store.read() as session:
        row = session.scalar(select(Operation).where(Operation.uuid == uuid))
        previous = row.holder if row else None
    dead = previous if previous and lease.is_dead(previous, platform.host) else None
    follows = previous is not None and lease.is_elsewhere(previous, platform.host)
    holder = lease.holder(platform.host, follows=follows)
    with platform.store.write() as session:
        epoch = operations.take(session, uuid, holder, dead=dead)
        if epoch is None:
            return None
        row = session.scalars(select(Operation).where(Operation.uuid == uuid)).one()
        app = session.get_one(App, row.app_id)
        return Held(
            row.id,
            row.uuid,
            epoch,
            row.kind,
            app.id,
            app.uuid,
            row.deployment_id,
            follows,
            row.options,
        )


def settle(attempt: Attempt, *, touches: bool) -> None:
    """Return when nothing of the former worker's is under way any more.

    At once unless this attempt follows another machine's, and its first step ``touches`` guests.
    Raises the reason to end, when there is one meanwhile.
    """
    if not attempt.follows:
        return
    if touches:
        _come_to_rest(attempt, _begun(attempt))
    with attempt.write() as session:
        attempt.operation(session).holder = lease.holder(attempt.platform.host)
    attempt.follows = False


def _begun(attempt: Attempt) -> list[GuestSpec]:
    """The app's guests that somebody may have told Proxmox to make or to change."""
    installation = attempt.platform.installation
    with attempt.platform.store.read() as session:
        rows = guests.standing(session, attempt.held.app_id)
        return [guests.spec(session, row, installation) for row in rows if guests.was_begun(row)]


def _come_to_rest(attempt: Attempt, specs: Sequence[GuestSpec]) -> None:
    """Look until there is nothing twice, ``QUIET_SECONDS`` apart."""
    end = time.monotonic() + attempt.platform.settings.step_timeout
    told: list[str] = []
    looks = 0
    while specs:
        busy = [task for spec in specs for task in attempt.target(spec).under_way(spec)]
        looks = 0 if busy else looks + 1
        if looks == LOOKS:
            return
        if busy and busy != told:
            told = busy
            attempt.say(f"another machine's worker has left under way: {', '.join(busy)}")
        if time.monotonic() > end:
            raise StepInterrupted(f"What another machine began goes on: {', '.join(busy)}")
        attempt.pause(QUIET_SECONDS)
