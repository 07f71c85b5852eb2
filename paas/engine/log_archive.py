"""Log lines that are too old for the database, kept in the object store.

A line leaves the database only when the store has confirmed the object that has it. Objects are
named by the numbers of their lines, so whoever comes back after a crash between the two sees
that the lines are there already.
"""

import gzip
import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from paas.engine.platform import Platform
from paas.store import log_archive
from paas.store.log_archive import AppDay
from paas.store.usage import database_time
from paas.tools.object_store import ObjectStore

log = structlog.get_logger(__name__)

PRUNE_ROWS = 400


def move_old_lines(platform: Platform, store: ObjectStore) -> int:
    """Move whole days of lines that are older than the retention; returns how many lines.

    Raises what the object store raises; the lines then stay where they are.
    """
    days = platform.live.now().loki_retention_days
    moved = 0
    while not platform.stopping():
        with platform.store.read() as session:
            found = log_archive.oldest(session, _midnight(database_time(session), days))
        if found is None:
            break
        _upload(platform, store, found)
        moved += _remove(platform, found)
    if moved:
        log.info("old log lines were moved to the object store", count=moved)
    return moved


def _midnight(now: datetime, days: int) -> datetime:
    """The midnight before which lines are too old: an object has a whole day of an app."""
    return (now - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)


def folder_of(day: AppDay) -> str:
    """Where the objects of an app's day are; more than one when lines came late."""
    return f"logs/{day.app_uuid}/{day.day.isoformat()}/"


def _upload(platform: Platform, store: ObjectStore, day: AppDay) -> None:
    folder = folder_of(day)
    if any(_covers(key, day) for key in store.keys(folder)):
        return
    # Such a folder of a process that was killed is removed by the sweeper.
    with tempfile.TemporaryDirectory(dir=platform.folder("run")) as temporary:
        path = Path(temporary) / "lines.jsonl.gz"
        _write(platform, day, path)
        store.upload(f"{folder}{day.first:012d}-{day.last:012d}.jsonl.gz", path)


def _covers(key: str, day: AppDay) -> bool:
    """Whether an object has all the lines: some of them may have left the database already."""
    first, _, last = key.rpartition("/")[2].partition(".")[0].partition("-")
    numbers = first.isdigit() and last.isdigit()
    return numbers and int(first) <= day.first and day.last <= int(last)


def _write(platform: Platform, day: AppDay, path: Path) -> None:
    """A line of JSON for each entry, oldest first."""
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for entry in log_archive.entries(platform.store, day):
            shown = {
                "seq": entry.seq,
                "at": entry.at.astimezone(UTC).isoformat(),
                "kind": entry.kind,
                "stream": entry.stream,
                "text": entry.text,
            }
            file.write(json.dumps(shown, ensure_ascii=False) + "\n")


def _remove(platform: Platform, day: AppDay) -> int:
    count, found = 0, PRUNE_ROWS
    while found == PRUNE_ROWS:
        # One short transaction after the other: nobody waits long for the database.
        with platform.store.write() as session:
            found = log_archive.remove(session, day, PRUNE_ROWS)
        count += found
    return count
