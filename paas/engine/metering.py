"""Counts the hours that are over, each exactly once, by whoever comes first."""

import structlog

from paas.engine.platform import Platform
from paas.store import usage

log = structlog.get_logger(__name__)


def count_hours(platform: Platform) -> int:
    """Count every full hour since the last counted one, a transaction each; returns how many.

    Harmless to repeat, at once from several processes, and after any pause: what an hour costs
    follows from the runs alone.
    """
    store = platform.store
    with store.read() as session:
        hour = usage.first_uncounted(session)
        is_over = hour is not None and hour + usage.HOUR <= usage.database_time(session)
    if hour is None or not is_over:
        return 0
    with store.write() as session:
        settled = usage.settled_until(session)
    if settled is None:
        return 0
    counted = 0
    while hour + usage.HOUR <= settled and not platform.stopping():
        with store.write() as session:
            counted += usage.count(session, hour)
        hour += usage.HOUR
    if counted:
        log.info("the usage of full hours was counted", hours=counted)
    return counted
